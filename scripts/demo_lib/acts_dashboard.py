"""At the end, whatever was played: the dashboard, as somebody finds it after such a day."""

import json

from . import look, picture, show
from .acts import Story
from .claims import unless
from .paths import CONTRACT, DASHBOARD, short


def dashboard(story: Story) -> None:
    show.heading("The dashboard")
    with show.step("draw the dashboard as it is deployed, with the metrics and the log of this run") as done:
        DASHBOARD.write_text(picture.draw(story.cloud, story.began))
        done.note = short(DASHBOARD)
    metrics = json.loads(CONTRACT.read_text())["metrics"]
    rows, namespace = metrics["table"], metrics["namespace"]
    empty = [
        row["name"]
        for row in rows
        if not look.points(story.cloud, namespace, row["name"], row["statistic"], story.began, picture.PERIOD)
    ]
    story.claims.claim(
        f"each of the {len(rows)} metrics of the contract has data: {', '.join(row['name'] for row in rows)}",
        unless(bool(rows), "the contract names no metric"),
        *(f"{name} has none" for name in empty),
    )


ACTS = (dashboard,)
