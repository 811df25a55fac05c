"""Clang's checks as build actions, so that an unchanged source is not checked twice.

    bazel build --aspects=//bazel:lint.bzl%lint --output_groups=thread_safety,tidy //transport/...
"""

def _compiler_flags(ctx, target):
    context = target[CcInfo].compilation_context
    flags = ["-std=c++20", "-iquote", ".", "-iquote", ctx.bin_dir.path]
    for folder in context.quote_includes.to_list():
        flags += ["-iquote", folder]
    for folder in context.system_includes.to_list():
        flags += ["-isystem", folder]
    for folder in context.includes.to_list():
        flags += ["-I", folder]
    return flags + ["-D" + define for define in context.defines.to_list()]

def _check(ctx, src, name, inputs, command):
    done = ctx.actions.declare_file("%s.%s.%s" % (ctx.rule.attr.name, src.basename, name))
    ctx.actions.run_shell(
        inputs = inputs,
        outputs = [done],
        command = command + " && touch " + done.path,
        mnemonic = "Lint",
        progress_message = "Checking %s (%s)" % (src.short_path, name),
    )
    return done

def _lint_impl(target, ctx):
    if CcInfo not in target or target.label.workspace_name or not hasattr(ctx.rule.attr, "srcs"):
        return []
    safe = []
    tidy = []
    flags = " ".join(_compiler_flags(ctx, target))
    own_headers = [
        file
        for attribute in ["srcs", "hdrs", "textual_hdrs"]
        for file in getattr(ctx.rule.files, attribute, [])
    ]
    headers = depset(own_headers, transitive = [target[CcInfo].compilation_context.headers])
    for src in ctx.rule.files.srcs:
        if not src.is_source or src.extension != "cc":
            continue
        safe.append(_check(
            ctx,
            src,
            "thread_safety",
            headers,
            "clang++-14 -fsyntax-only -Wthread-safety -Werror %s %s" % (flags, src.path),
        ))
        tidy.append(_check(
            ctx,
            src,
            "tidy",
            depset(ctx.files._config, transitive = [headers]),
            # What it counts of system headers goes to stderr and says nothing.
            "clang-tidy-14 --quiet %s -- %s 2>/dev/null" % (src.path, flags),
        ))
    return [OutputGroupInfo(thread_safety = depset(safe), tidy = depset(tidy))]

lint = aspect(
    implementation = _lint_impl,
    attrs = {
        "_config": attr.label(default = "//:.clang-tidy", allow_single_file = True),
    },
)
