"""Reading and filling the policy file."""

import unittest
from pathlib import Path

from deploy_lib import policy
from deploy_lib.policy import PayerRule, PolicyProblem, filled, parse

from .payer import SAMPLE

REPOSITORYS = (Path(__file__).parents[3] / "runawaytrain.yaml").read_text()


class Reading(unittest.TestCase):
    def test_the_repositorys_own_file_is_the_sample_that_is_offered_to_be_filled(self):
        found = parse(REPOSITORYS, "runawaytrain.yaml")
        self.assertEqual((found.payer, found.organization, found.root), (policy.SAMPLE_PAYER, policy.SAMPLE_ORGANIZATION, policy.SAMPLE_ROOT))
        self.assertEqual((found.mode, found.own_lists, found.payer_rule), ("drill", ("111111111111",), PayerRule()))

    def test_units_stand_for_the_root(self):
        self.assertEqual(parse(SAMPLE, "f").enrolled, ("r-exam",))
        self.assertEqual(parse(SAMPLE.replace("root: r-exam", "root: r-exam\n  ous: [ou-exam-1]"), "f").enrolled, ("ou-exam-1",))

    def test_the_payers_own_rule(self):
        entry = SAMPLE + 'accounts:\n  "123456789012":\n    mode: proceed\n    contain: {users: deactivate}\n    exempt: {roles: [Admin]}\n'
        cases = {
            "drill for all": (entry, PayerRule("drill", "deactivate", "leave", frozenset(), frozenset({"Admin"}))),
            "proceed": (entry.replace("mode: drill", "mode: proceed"), PayerRule("proceed", "deactivate", "leave", frozenset(), frozenset({"Admin"}))),
            "no entry": (SAMPLE.replace("mode: drill", "mode: proceed"), PayerRule("drill")),
            "no mode at all, which means proceed": (entry.replace("mode: drill\n", ""), PayerRule("proceed", "deactivate", "leave", frozenset(), frozenset({"Admin"}))),
        }
        for name, (text, rule) in cases.items():
            with self.subTest(name):
                self.assertEqual(parse(text, "f").payer_rule, rule)

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
            back = made.replace('payer: "210987654321"', 'payer: "123456789012"').replace("id: o-a1b2c3d4e5", "id: o-exampleorg").replace("root: r-a1b2", "root: r-exam")
            self.assertEqual(back, text)

    def test_flow_style_and_quotes_are_kept(self):
        self.assertEqual(filled("payer: '1'\norganization: {id: 'o-x', root: r-x} # c\n", self.VALUES), 'payer: "210987654321"\norganization: {id: "o-a1b2c3d4e5", root: r-a1b2} # c\n')

    def test_a_key_that_is_not_there_is_an_error_and_no_guess(self):
        with self.assertRaises(KeyError):
            filled("payer: '1'\n", self.VALUES)


if __name__ == "__main__":
    unittest.main()
