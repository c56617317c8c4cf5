#!/usr/bin/env python3
"""circles.py [DIR]: fails where source files import each other in a circle.

Reads the paths that begin with crate, self or super in every file below src (or DIR), outside test modules, comments and
texts. A name counts for the file that defines it: what a module only passes on (pub use of a module below it) is looked up
there. That a module declares the modules below it is no import.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# A comment, a text, a raw text or a character: what looks like a path in there is none.
NO_CODE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|b?r(?P<hashes>\#*)".*?"(?P=hashes)|b?"(?:\\.|[^"\\])*"|b?'(?:\\.[^']*|[^'\\])'""",
    re.DOTALL | re.VERBOSE,
)
TEST = re.compile(r"#\[cfg\((?:test|all\(test\b[^\]]*)\)\]\s*(?:#\[[^\]]*\]\s*)*")
USE = re.compile(r"\b(?P<public>pub(?:\([^)]*\))?\s+)?use\s+(?P<tree>[^;]+);")
INLINE = re.compile(r"\b(?:crate|super|self)(?:::\w+)+")


def code_of(text):
    """The code alone: no comments, no texts, no tests."""
    text = NO_CODE.sub(lambda found: "" if found.group().startswith("/") else '""', text)
    while found := TEST.search(text):
        text = text[: found.start()] + text[end_of_item(text, found.end()) :]
    return text


def end_of_item(text, at):
    """Where the item ends that begins there: at a semicolon, or with the last of its braces."""
    depth = 0
    while at < len(text):
        char = text[at]
        at += 1
        if char in "{[(":
            depth += 1
        elif char in "}])":
            depth -= 1
            if depth == 0 and char == "}":
                return at
        elif char in ";," and depth == 0:
            return at
    return at


def leaves(tree):
    """Every path of a use tree, with the name that it gets."""
    tree = tree.strip()
    head, brace, rest = tree.partition("{")
    if not brace:
        path, _, name = tree.partition(" as ")
        parts = path.strip().split("::")
        last = parts[-2] if parts[-1] == "self" and len(parts) > 1 else parts[-1]
        return [([part for part in parts if part != "self" or part is parts[0]], name.strip() or last)]
    prefix = [part for part in head.strip().removesuffix("::").split("::") if part]
    inner, depth, piece, found = rest.rstrip().removesuffix("}"), 0, "", []
    for char in inner + ",":
        if char == "," and depth == 0:
            if piece.strip():
                found += [(prefix + (path[1:] if path[0] == "self" else path), prefix[-1] if path == ["self"] else name)
                          for path, name in leaves(piece)]
            piece = ""
            continue
        depth += {"{": 1, "}": -1}.get(char, 0)
        piece += char
    return found


class Tree:
    """The modules, by their paths."""

    def __init__(self, root):
        self.files = {}
        for file in sorted(root.rglob("*.rs")):
            parts = list(file.relative_to(root).with_suffix("").parts)
            if parts[-1] in ("mod", "lib", "main"):
                parts.pop()
            self.files[tuple(parts)] = file
        self.code = {module: code_of(file.read_text()) for module, file in self.files.items()}
        self.passed_on = {module: {} for module in self.files}
        for module, code in self.code.items():
            for use in USE.finditer(code):
                for path, name in leaves(use["tree"]):
                    if use["public"]:
                        self.passed_on[module][name] = self.absolute(module, path)

    def absolute(self, module, path):
        """A path from the root; None where it leads to another crate."""
        path, base = list(path), list(module)
        if path and path[0] == "crate":
            return path[1:]
        if path and path[0] not in ("self", "super"):
            # A module below, or another crate.
            return base + path if tuple(base + path[:1]) in self.files else None
        while path and path[0] in ("self", "super"):
            if path.pop(0) == "super":
                base = base[:-1]
        return base + path

    def defining(self, path, depth=0):
        """The module that defines what a path from the root means."""
        module, rest = (), list(path)
        while rest and module + (rest[0],) in self.files:
            module += (rest.pop(0),)
        onward = self.passed_on.get(module, {}).get(rest[0]) if rest else None
        return self.defining(onward + rest[1:], depth + 1) if onward and depth < 9 else module

    def imports(self, module):
        """The modules that one imports."""
        code, found = self.code[module], set()
        for use in USE.finditer(code):
            for path, _ in leaves(use["tree"]):
                to = self.absolute(module, path)
                below = to is not None and use["public"] and to[: len(module)] == list(module)
                if to is not None and not below:
                    found.add(self.defining(to))
        # Of a path in the midst of code: a module that is declared below is reached so without being imported.
        for path in INLINE.findall(USE.sub("", code)):
            to = self.absolute(module, path.split("::"))
            if to is not None:
                found.add(self.defining(to))
        return {other for other in found if other in self.files and other != module}


def circles(graph):
    """The sets of modules that reach each other (Tarjan)."""
    order, low, stack, found = {}, {}, [], []

    def visit(node):
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in order:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], order[other])
        if low[node] == order[node]:
            at = stack.index(node)
            if len(stack) - at > 1:
                found.append(set(stack[at:]))
            del stack[at:]

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return found


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "src").resolve()
    tree = Tree(root)
    graph = {module: tree.imports(module) for module in tree.files}
    found = circles(graph)
    for number, members in enumerate(found, 1):
        print(f"circle {number}:")
        for module in sorted(members):
            others = ", ".join(str(tree.files[other].relative_to(root)) for other in sorted(graph[module] & members))
            print(f"  {tree.files[module].relative_to(root)} imports {others}")
    if found:
        sys.exit(f"{len(found)} circles of imports")


if __name__ == "__main__":
    main()
