"""With --thorough: the operator's own test of it all, `runawaytrain drill --live`, as a person would run it."""

from . import live, look, mail, show
from .acts import Story


def live_drill(story: Story) -> None:
    show.heading("The test button: runawaytrain drill --live")
    account = story.named("canary")
    live.admit_payer(story.cloud, account)
    story.now = story.look()
    code, drill, said = story.operator.ask("drill", "--live", "--yes", "--patience", "120")
    live.tell(drill)
    live.steps_came(story.claims, code, drill, said)
    live.ended(story.claims, drill, account, story.now[account.id], look.snapshot(story.cloud, account))
    live.untold(story.claims, drill)
    fresh = story.read_mail()
    mail.tell(fresh)
    live.mailed(story.claims, fresh, account)
    new = story.look()
    live.others(story.claims, account, story.accounts, story.now, new)
    code, drill, said = story.operator.ask("drill", "--live", "--yes", role="Nobody")
    live.refused(story.claims, code, drill, said, account, new[account.id], look.snapshot(story.cloud, account))
    story.now = new


ACTS = (live_drill,)
