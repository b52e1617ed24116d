"""A picture of the dashboard as it is deployed, drawn from this run's own metrics and log: each widget where the
console puts it, as one SVG.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

import json
import math
import re
import time
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from . import look
from .cloud import Cloud

GRID, CELL, ROW, GAP = 24, 42, 38, 4  # CloudWatch's columns; pixels of a column, of a row, around a widget
PERIOD = 5  # seconds; the dashboard's own period is as long as a whole demo
LETTER, LINE = 7.2, 18  # pixels, about: what a letter of a table takes, and one of its lines
STYLE = """
svg { --page: #f2f3f3; --card: #fff; --ink: #16191f; --dim: #5f6b7a; --rule: #d9dde1; --line: #0972d3; --other: #b54700 }
@media (prefers-color-scheme: dark) {
  svg { --page: #0f1318; --card: #161d26; --ink: #e3e7ec; --dim: #9aa5b1; --rule: #333d49; --line: #5ba8f5; --other: #f5a05b }
}
text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; fill: var(--ink) }
.title { font-size: 14px; font-weight: 600 } .value { font-size: 30px } .head { font-weight: 600 }
.dim { fill: var(--dim) } .middle { text-anchor: middle } .end { text-anchor: end }
.page { fill: var(--page) } .card { fill: var(--card); stroke: var(--rule) } .rule { stroke: var(--rule) }
.line { fill: none; stroke: var(--line); stroke-width: 1.8 } .dot { fill: var(--line) }
.other.line { stroke: var(--other) } .other.dot { fill: var(--other) }
"""  # noqa: E501

Line = dict[str, Any]


@dataclass(frozen=True)
class Box:
    """A widget's place, in pixels."""

    width: float
    height: float
    start: float  # of the time axis, in seconds of the epoch
    end: float

    @property
    def nothing(self) -> list[str]:
        return [_text(self.width / 2, self.height / 2 + 4, "no data from the emulator", "dim middle")]

    def at(self, moment: float) -> float:
        left, right = 64, self.width - 38
        return left + (right - left) * (moment - self.start) / (self.end - self.start)


def draw(cloud: Cloud, since: float) -> str:
    """The whole dashboard, from `since` (seconds of the epoch) until now."""
    widgets, now = look.dashboard(cloud)["widgets"], time.time()
    height = max(widget["y"] + widget["height"] for widget in widgets) * ROW + 2 * GAP
    lines, parts = _lines(cloud, since), []
    for widget in widgets:
        box = Box(widget["width"] * CELL - 2 * GAP, widget["height"] * ROW - 2 * GAP, since, now)
        properties = widget["properties"]
        parts += [
            f'<g transform="translate({widget["x"] * CELL + 2 * GAP} {widget["y"] * ROW + 2 * GAP})">',
            f'<rect class="card" width="{box.width}" height="{box.height}" rx="6"/>',
            _text(14, 24, properties["title"], "title"),
            *(_table(box, properties["query"], lines) if widget["type"] == "log" else _metric(cloud, box, properties)),
            "</g>",
        ]
    width = GRID * CELL + 2 * GAP
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">',
        "<title>The dashboard runawaytrain, drawn from the metrics and the log of a demo</title>",
        f'<style>{STYLE}</style><rect class="page" width="{width}" height="{height}"/>',
    ]
    return "\n".join([*head, *parts, "</svg>\n"])


def _text(x: float, y: float, text: object, kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(str(text))}</text>'


def _number(value: float) -> str:
    return f"{value:,.2f}".rstrip("0").removesuffix(".")


def _metric(cloud: Cloud, box: Box, properties: dict[str, Any]) -> list[str]:
    series = []
    for namespace, name, *dimensions, options in properties["metrics"]:
        named = dict(zip(dimensions[::2], dimensions[1::2], strict=True))
        found = look.points(cloud, namespace, name, options.get("stat", "Average"), box.start, PERIOD, named)
        series.append((name, found))
    if properties["view"] == "singleValue":
        return _values(box, series)
    return _graph(box, series) if any(points for _, points in series) else box.nothing


def _values(box: Box, series: list[tuple[str, look.Points]]) -> list[str]:
    parts, step = [], (box.width - 28) / len(series)
    for at, (name, points) in enumerate(series):
        value = _number(points[-1][1]) if points else "–"
        parts += [_text(14 + at * step, 76, value, "value"), _text(14 + at * step, 100, name, "dim")]
    return parts


def _graph(box: Box, series: list[tuple[str, look.Points]]) -> list[str]:
    top, bottom = 40, box.height - 46
    most = _ceiling(max(value for _, points in series for _, value in points))

    def height(value: float) -> float:
        return bottom - (bottom - top) * value / most

    parts = []
    for value in (0, most / 2, most):
        y = height(value)
        parts += [f'<path class="rule" d="M{box.at(box.start):.1f} {y:.1f}H{box.at(box.end):.1f}"/>']
        parts += [_text(box.at(box.start) - 8, y + 4, _number(value), "dim end")]
    for part in range(4):
        moment = box.start + (box.end - box.start) * part / 3
        clock = time.strftime("%H:%M:%S", time.gmtime(moment))
        parts.append(_text(box.at(moment), bottom + 18, clock, "dim middle"))
    for at, (name, points) in enumerate(series):
        kind, x = "other " if at else "", 64 + at * 150
        places = [(f"{box.at(moment):.1f}", f"{height(value):.1f}") for moment, value in points]
        parts.append(f'<polyline class="{kind}line" points="{" ".join(",".join(place) for place in places)}"/>')
        parts += [f'<circle class="{kind}dot" cx="{x}" cy="{y}" r="3"/>' for x, y in places]
        parts.append(f'<rect class="{kind}dot" x="{x}" y="{box.height - 19}" width="10" height="10" rx="2"/>')
        parts.append(_text(x + 16, box.height - 10, name, "dim"))
    return parts


def _ceiling(most: float) -> float:
    """The round number at the top of an axis."""
    if most <= 0:
        return 1
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= most)


def _lines(cloud: Cloud, since: float) -> list[Line]:
    """The function's lines, the oldest first. Those of the runtime itself are no documents."""
    found = [json.loads(message) for message in look.log(cloud, since) if message.startswith("{")]
    return sorted((line | {"@timestamp": line["timestamp"][:19]} for line in found), key=lambda one: one["timestamp"])


def _table(box: Box, query: str, lines: list[Line]) -> list[str]:
    """Of the language of Logs Insights, only what the dashboard's two queries say."""
    if "stats latest(" in query:
        columns, rows = _latest(query, lines)
    else:
        columns = _after(query, "display").split(", ")
        rows = [line for line in lines if line.get("level") in json.loads(_after(query, "filter level in"))]
    if not rows:
        return box.nothing
    order = [part.removesuffix(" desc") for part in _after(query, "sort").split(", ")]
    rows = sorted(rows, key=lambda row: [_rank(row.get(column)) for column in order], reverse=True)
    fit = int((box.height - 50) // LINE)
    shown = rows if len(rows) <= fit else rows[: fit - 1]
    cells = [columns, *([_cell(row.get(column)) for column in columns] for row in shown)]
    letters, room = [max(map(len, column)) + 2 for column in zip(*cells, strict=True)], int((box.width - 28) / LETTER)
    while sum(letters) > room:  # what is too long for all is cut where it is longest
        letters[letters.index(max(letters))] -= 1
    parts, x, spread = [], 14.0, (room - sum(letters)) / len(letters)
    for at, most in enumerate(letters):
        for row, texts in enumerate(cells):
            text = texts[at] if len(texts[at]) <= most - 2 else texts[at][: most - 3] + "…"
            parts.append(_text(x, 50 + LINE * row, text, "" if row else "head"))
        x += (most + spread) * LETTER
    if len(shown) < len(rows):
        parts.append(_text(14, 50 + LINE * fit, f"… and {len(rows) - len(shown)} more", "dim"))
    return parts


def _latest(query: str, lines: list[Line]) -> tuple[list[str], list[Line]]:
    message = re.search(r'message = "([^"]+)"', query)
    fields = dict(reversed(pair) for pair in re.findall(r"latest\((\w+)\) as (\w+)", query))
    key, title = re.findall(r"by (\w+) as (\w+)", query)[0]
    by_key: dict[Any, Line] = {}
    for line in lines:
        if message and line.get("message") == message[1]:
            told = {column: line[field] for column, field in fields.items() if field in line}
            by_key[line[key]] = by_key.get(line[key], {}) | told | {title: line[key]}
    return [title, *fields], list(by_key.values())


def _after(query: str, command: str) -> str:
    """What a command of the query is given."""
    found = re.search(rf"(?:^|\| )\s*{command} (.+)", query)
    return found[1] if found else ""


def _rank(value: Any) -> tuple[float, str]:
    return (value, "") if isinstance(value, int | float) else (-1, str(value or ""))


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return str(value).lower() if isinstance(value, bool) else _number(value)
