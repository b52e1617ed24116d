"""Reading and filling the policy file."""

import unittest
from pathlib import Path
from unittest import mock

from deploy_lib import flow, policy
from deploy_lib.contract import CONTRACT
from deploy_lib.policy import PayerRule, PolicyProblem, filled, may_contain, parse

from . import made_up
from .payer import SAMPLE

ENTRY = """\
accounts:
  "123456789012":
    mode: proceed
    contain: {users: deactivate}
    exempt: {roles: [Admin]}
"""

REPOSITORYS = (Path(__file__).parents[3] / "runawaytrain.yaml").read_text()


class Reading(unittest.TestCase):
    def test_the_repositorys_own_file_is_the_sample_that_is_offered_to_be_filled(self):
        found = parse(REPOSITORYS, "runawaytrain.yaml")
        samples = (policy.SAMPLE_PAYER, policy.SAMPLE_ORGANIZATION, policy.SAMPLE_ROOT)
        self.assertEqual((found.payer, found.organization, found.root), samples)
        self.assertEqual((found.mode, found.own_lists, found.payer_rule), ("drill", (("111111111111", ("physics-admin@example.edu",)),), PayerRule()))

    def test_units_stand_for_the_root(self):
        self.assertEqual(parse(SAMPLE, "f").enrolled, ("r-exam",))
        named = SAMPLE.replace("root: r-exam", "root: r-exam\n  ous: [ou-exam-1]")
        self.assertEqual(parse(named, "f").enrolled, ("ou-exam-1",))

    def test_where_roles_go_and_whether_an_alarm_rings(self):
        found = parse(SAMPLE, "f")
        self.assertEqual((found.member_region, found.has_spend_alarm), ("us-east-1", False))
        named = SAMPLE.replace("root: r-exam", "root: r-exam\n  memberRegion: eu-central-1").replace("instances: 20", "instances: 20, spendMonth: 0")
        found = parse(named, "f")
        self.assertEqual((found.member_region, found.has_spend_alarm), ("eu-central-1", True))

    def test_the_payers_own_rule(self):
        def own(mode: str) -> PayerRule:
            return PayerRule(mode, "deactivate", "leave", frozenset(), frozenset({"Admin"}))

        entry = SAMPLE + ENTRY
        cases = {
            "drill for all": (entry, own("drill")),
            "proceed": (entry.replace("mode: drill", "mode: proceed"), own("proceed")),
            "no entry": (SAMPLE.replace("mode: drill", "mode: proceed"), PayerRule("drill")),
            "no mode at all, which means proceed": (entry.replace("mode: drill\n", ""), own("proceed")),
            "a word that nobody knows": (entry.replace("mode: drill", "mode: charge"), own("proceed")),
        }
        for name, (text, rule) in cases.items():
            with self.subTest(name):
                self.assertEqual(parse(text, "f").payer_rule, rule)

    def test_the_contract_says_which_modes_there_are_and_which_does_less(self):
        text = (SAMPLE + ENTRY).replace("mode: proceed", "mode: ask").replace("mode: drill", "mode: proceed")
        self.assertEqual(parse(text, "f").payer_rule.mode, "proceed", "nobody knows this word yet")
        asking = made_up.contract(lambda said: said.update(modes=["pass", "drill", "ask", "proceed", "charge"]))
        with mock.patch.object(policy, "CONTRACT", asking):
            self.assertEqual(parse(text, "f").payer_rule.mode, "ask")
            self.assertEqual(parse(text.replace("mode: ask", "mode: nonsense"), "f").payer_rule.mode, "charge")
            self.assertEqual([may_contain(mode) for mode in asking.modes], [False, False, True, True, True])

    def test_where_the_guard_may_touch_something(self):
        self.assertEqual([mode for mode in CONTRACT.modes if not may_contain(mode)], ["pass", "drill"])
        self.assertTrue(may_contain("nonsense"))

    def test_every_mode_has_its_sentence(self):
        self.assertEqual(set(flow.MODES), set(CONTRACT.modes))

    def test_what_cannot_be_used_is_said_in_a_sentence_with_its_place(self):
        cases = {
            "payer: 123456789012\norganization: {id: o-aaaaaaaaaa}": "in quotes",
            "organization: {id: o-aaaaaaaaaa}": "in quotes",
            "payer: '12345'": "all 12 digits",
            "- a": "a map of keys",
            "payer: 'x'\n  organization: [": "f:2",
        }
        for text, said in cases.items():
            with self.subTest(text), self.assertRaises(PolicyProblem) as raised:
                parse(text, "f")
            self.assertIn(said, str(raised.exception))
        with self.assertRaises(PolicyProblem) as raised:
            policy.read(Path("/no/such/file.yaml"))
        self.assertIn("--policy", str(raised.exception))


class Filling(unittest.TestCase):
    VALUES = {("payer",): "210987654321", ("organization", "id"): "o-a1b2c3d4e5", ("organization", "root"): "r-a1b2"}

    def test_the_values_are_replaced_and_every_other_character_stays(self):
        for text in (SAMPLE, REPOSITORYS):
            made = filled(text, self.VALUES)
            found = parse(made, "f")
            self.assertEqual((found.payer, found.organization, found.root), ("210987654321", "o-a1b2c3d4e5", "r-a1b2"))
            back = made.replace('payer: "210987654321"', 'payer: "123456789012"')
            back = back.replace("id: o-a1b2c3d4e5", "id: o-exampleorg").replace("root: r-a1b2", "root: r-exam")
            self.assertEqual(back, text)

    def test_flow_style_and_quotes_are_kept(self):
        made = filled("payer: '1'\norganization: {id: 'o-x', root: r-x} # c\n", self.VALUES)
        self.assertEqual(made, 'payer: "210987654321"\norganization: {id: "o-a1b2c3d4e5", root: r-a1b2} # c\n')

    def test_a_key_that_is_not_there_is_an_error_and_no_guess(self):
        with self.assertRaises(KeyError):
            filled("payer: '1'\n", self.VALUES)


if __name__ == "__main__":
    unittest.main()
