"""The readable page at /: every path with what it takes, made from the description."""

from functools import cache
from html import escape
from string import Template
from typing import Any

from plimsoll.api.openapi import description

PAGE = Template("""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Plimsoll API</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
:root { color-scheme: light dark }
code { font-size: .95em } h3 { margin-bottom: 0 } h3 code { font-size: 1.05em } ul { margin-top: .2rem }
</style>
<h1>Plimsoll API</h1>
<p>$about</p>
<p>For programs: <a href="/openapi.json">openapi.json</a>. State of the service: <a href="/health">health</a>,
<a href="/metrics">metrics</a>.</p>
$sections
</html>
""")


def _parameter(item: dict[str, Any]) -> str:
    default = item["schema"].get("default")
    choices = item["schema"].get("enum")
    told = [item.get("description", "")]
    told += [f"one of {', '.join(choices)}"] if choices else []
    told += [f"default {default}"] if default not in (None, "") else []
    return f"<li><code>{escape(item['name'])}</code> {escape('; '.join(part for part in told if part))}</li>"


@cache
def page() -> str:
    """HTML."""
    document = description()
    sections = []
    for path, methods in document["paths"].items():
        operation = methods["get"]
        shown = f'<a href="{escape(path)}">{escape(path)}</a>' if "{" not in path else escape(path)
        parameters = "".join(_parameter(item) for item in operation["parameters"])
        sections.append(f"<h3><code>{shown}</code></h3>\n{escape(operation['description'])}\n<ul>{parameters}</ul>")
    return PAGE.substitute(about=escape(document["info"]["description"]), sections="\n".join(sections))
