"""Parses a Terraform module with a real HCL parser, and prints its policy documents for given values.

    read_terraform.py MODULE NAME=VALUE...      NAME as in an expression: var.role_a_arn, data.aws_region.current.name, ...

It evaluates what the module is written with: literals, references, `A == B ? C : D`, lists, and dynamic blocks. Anything else
ends it with an error.
"""

import json
import pathlib
import re
import sys

import hcl2

module = pathlib.Path(sys.argv[1])
files = [hcl2.load(path.open()) for path in sorted(module.glob("*.tf"))]


def blocks(kind):
    return [block for file in files for block in file.get(kind, [])]


def unquoted(text):
    return text[1:-1] if text.startswith('"') and text.endswith('"') else text


def evaluate(expression, values):
    """The value of an expression, as the parser gives it: a list, a quoted literal, or ${...}."""
    if isinstance(expression, list):
        return [evaluate(item, values) for item in expression]
    text = expression.strip()
    if text.startswith("${") and text.endswith("}") and text.count("${") == 1:
        text = text[2:-1].strip()
    choice = re.fullmatch(r'(.+?) == (".*?") \? (.+) : (.+)', text)
    if choice:
        left, right, then, otherwise = (part.strip() for part in choice.groups())
        return evaluate(then if evaluate(left, values) == evaluate(right, values) else otherwise, values)
    if text.startswith("["):
        inner = text[1:-1].strip()
        return [evaluate(item, values) for item in inner.split(",")] if inner else []
    if text.startswith('"'):
        return re.sub(r"\$\{([^}]*)\}", lambda found: evaluate(found[1], values), text[1:-1])
    if text in values:
        return values[text]
    raise SystemExit(f"{module}: cannot evaluate {text!r}")


def repeated(block, kind, values):
    """The blocks of a kind inside a block: those that stand there, and those that a dynamic block makes."""
    for inner in block.get(kind, []):
        yield inner, values
    for dynamic in block.get("dynamic", []):
        for name, definition in dynamic.items():
            if unquoted(name) == kind:
                for value in evaluate(definition["for_each"], values):
                    for inner in definition["content"]:
                        yield inner, {**values, f"{kind}.value": value}


def one_or_more(items):
    return items[0] if len(items) == 1 else items


def document(block, values):
    """What the data source aws_iam_policy_document makes of its block, in canonical form."""
    statements = []
    for statement, here in repeated(block, "statement", values):
        made = {"Effect": "Allow", "Action": one_or_more(evaluate(statement["actions"], here))}
        if "resources" in statement:
            made["Resource"] = one_or_more(evaluate(statement["resources"], here))
        for principals, there in repeated(statement, "principals", here):
            kind = evaluate(principals["type"], there)
            made.setdefault("Principal", {})[kind] = one_or_more(evaluate(principals["identifiers"], there))
        for condition, there in repeated(statement, "condition", here):
            test, variable = evaluate(condition["test"], there), evaluate(condition["variable"], there)
            tests = made.setdefault("Condition", {}).setdefault(test, {})
            tests[variable] = one_or_more(evaluate(condition["values"], there))
        statements.append(made)
    return {"Version": "2012-10-17", "Statement": statements}


values = dict(pair.split("=", 1) for pair in sys.argv[2:])
declared = {unquoted(name): body for block in blocks("variable") for name, body in block.items()}
for name, body in declared.items():
    if "default" in body:
        values.setdefault(f"var.{name}", evaluate(body["default"], values))
for block in blocks("locals"):
    for name, expression in block.items():
        if not name.startswith("__"):
            values[f"local.{name}"] = evaluate(expression, values)
undeclared = [name for name in values if name.startswith("var.") and name[4:] not in declared]
if undeclared:
    raise SystemExit(f"{module}: there is no {undeclared}")

documents = {}
for block in blocks("data"):
    for kind, named in block.items():
        if unquoted(kind) == "aws_iam_policy_document":
            for name, body in named.items():
                documents[unquoted(name)] = document(body, values)
resources = sorted(unquoted(kind) for block in blocks("resource") for kind in block)
print(json.dumps({"documents": documents, "resources": resources}))
