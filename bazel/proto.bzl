"""C++ code from .proto files with Debian's protoc and grpc_cpp_plugin."""

ProtoFilesInfo = provider(
    doc = "The .proto files of a library.",
    fields = {
        "transitive": "depset of the .proto files of the library and of all it imports",
    },
)

def _generate_impl(ctx):
    root = ctx.attr.import_root
    transitive = depset(
        ctx.files.srcs,
        transitive = [dep[ProtoFilesInfo].transitive for dep in ctx.attr.deps],
    )
    headers = []
    sources = []
    suffixes = [".pb"] + ([".grpc.pb"] if ctx.attr.grpc else [])
    for src in ctx.files.srcs:
        if not src.short_path.startswith(root + "/"):
            fail("%s is not under the import root %s/" % (src.short_path, root))
        stem = src.basename[:-len(".proto")]
        for suffix in suffixes:
            headers.append(ctx.actions.declare_file(stem + suffix + ".h"))
            sources.append(ctx.actions.declare_file(stem + suffix + ".cc"))
    out = ctx.bin_dir.path + "/" + root
    args = ctx.actions.args()
    args.add("-I" + root)
    args.add("-I/usr/include")
    args.add("--cpp_out=" + out)
    if ctx.attr.grpc:
        args.add("--plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin")
        args.add("--grpc_out=" + out)
    args.add_all(ctx.files.srcs)
    ctx.actions.run(
        executable = "/usr/bin/protoc",
        arguments = [args],
        inputs = transitive,
        outputs = headers + sources,
        mnemonic = "Protoc",
        progress_message = "Generating C++ from %s" % ctx.label,
    )
    return [
        DefaultInfo(files = depset(headers + sources)),
        OutputGroupInfo(headers = depset(headers), sources = depset(sources)),
        ProtoFilesInfo(transitive = transitive),
        # A system include: generated headers are not held to our warnings.
        CcInfo(compilation_context = cc_common.create_compilation_context(
            headers = depset(headers),
            system_includes = depset([out]),
        )),
    ]

_generate = rule(
    implementation = _generate_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = [".proto"], mandatory = True),
        "deps": attr.label_list(providers = [ProtoFilesInfo]),
        "grpc": attr.bool(),
        "import_root": attr.string(),
    },
)

def _generated(dep):
    """The label of the code generator behind a spillway_proto_library."""
    if ":" in dep:
        return dep + "_generate"
    return dep + ":" + dep.split("/")[-1] + "_generate"

def spillway_proto_library(name, srcs, deps = [], grpc = False, import_root = "proto", **kwargs):
    """A cc_library of the generated code of some .proto files, without our warnings.

    Imports and includes are relative to import_root: `import "spillway/v1/egress.proto"` and
    `#include "spillway/v1/egress.pb.h"`.

    Args:
      name: the cc_library's name.
      srcs: .proto files of this package.
      deps: other spillway_proto_library targets whose files these import.
      grpc: True also generates the services (`*.grpc.pb.h`).
      import_root: top-level folder that imports are relative to; holds this package.
      **kwargs: visibility, tags, testonly.
    """
    package = native.package_name()
    if package != import_root and not package.startswith(import_root + "/"):
        fail("a proto library must live under %s/" % import_root)
    _generate(
        name = name + "_generate",
        srcs = srcs,
        deps = [_generated(dep) for dep in deps],
        grpc = grpc,
        import_root = import_root,
        **kwargs
    )
    for group in ["headers", "sources"]:
        native.filegroup(
            name = name + "_" + group,
            srcs = [":" + name + "_generate"],
            output_group = group,
            visibility = ["//visibility:private"],
        )
    native.cc_library(
        name = name,
        srcs = [":" + name + "_sources"],
        hdrs = [":" + name + "_headers"],
        copts = ["-w"],
        linkstatic = True,
        deps = deps + [
            ":" + name + "_generate",
            "//third_party:grpc" if grpc else "//third_party:protobuf",
        ],
        **kwargs
    )
