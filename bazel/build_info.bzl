"""The version and commit of the tree as a C++ source."""

def _build_info_source_impl(ctx):
    # info_file holds the STABLE_ lines of bazel/workspace_status.sh. This action and the compile of
    # its output are all that runs again when a commit changes; after it binaries only link.
    ctx.actions.run_shell(
        inputs = [ctx.info_file],
        outputs = [ctx.outputs.out],
        command = """
set -eu
value() { sed -n "s/^$1 //p" "$2" | tr -cd 'A-Za-z0-9._+-'; }
version=$(value STABLE_VERSION "$1")
commit=$(value STABLE_GIT_COMMIT "$1")
cat > "$2" <<EOF
#include "bazel/build_info.h"

namespace spillway {

std::string_view BuildVersion() { return "${version:-unknown}"; }
std::string_view BuildCommit() { return "${commit:-unknown}"; }

}  // namespace spillway
EOF
""",
        arguments = [ctx.info_file.path, ctx.outputs.out.path],
        mnemonic = "BuildInfo",
        progress_message = "Writing build information",
    )

build_info_source = rule(
    implementation = _build_info_source_impl,
    attrs = {"out": attr.output(mandatory = True)},
)
