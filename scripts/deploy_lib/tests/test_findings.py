"""What facts mean: pure tables, no server."""

import unittest
from pathlib import Path
from unittest import mock

from deploy_lib import words
from deploy_lib.checks import access, account, billing, bootstrap, function, operator
from deploy_lib.checks import organization, regions, scps, trail
from deploy_lib.contract import CONTRACT, names
from deploy_lib.finding import Remedy, Verdict, missing, ok, unknown
from deploy_lib.ground import Identity
from deploy_lib.policy import PayerRule, Policy

from . import made_up

OK, MISSING = Verdict.OK, Verdict.MISSING
PAYER = "210987654321"
ME = Identity(PAYER, f"arn:aws:iam::{PAYER}:user/staff/ada")
# A role of Identity Center.
SIGNED_ON = "AWSReservedSSO_Admin_0123456789abcdef"
OURS = Policy(payer=PAYER, organization="o-aaaaaaaaaa", root="r-aaaa")
SAMPLE = Policy(payer="123456789012", organization="o-exampleorg", root="r-exam")


class Account(unittest.TestCase):
    def test_whose_account_it_is(self):
        cases = [
            (OURS, OK, None),
            (SAMPLE, MISSING, Remedy.FILL_POLICY),
            # Somebody wrote another payer: credentials are wrong, and nothing is offered to be overwritten.
            (Policy(payer="999999999999", organization="o-aaaaaaaaaa"), MISSING, None),
            (Policy(payer="999999999999", organization="o-exampleorg"), MISSING, None),
        ]
        for policy, verdict, remedy in cases:
            with self.subTest(policy.payer):
                found = account.account(ME, policy)
                self.assertEqual((found.verdict, found.remedy), (verdict, remedy))

    def test_the_region_is_ours_whatever_the_profile_says(self):
        self.assertEqual(account.region(ME, None).verdict, OK)
        self.assertIn("eu-west-1 plays no part", account.region(ME, "eu-west-1").said)
        china = Identity(PAYER, f"arn:aws-cn:iam::{PAYER}:user/ada")
        self.assertEqual(account.region(china, None).verdict, MISSING)


class Organization(unittest.TestCase):
    def test_what_the_organization_is(self):
        def facts(payer=PAYER, features="ALL"):
            return organization.Facts("o-aaaaaaaaaa", payer, features, ("r-aaaa",))

        cases = [
            (None, MISSING, "no organization"),
            (facts("999999999999"), MISSING, "999999999999"),
            (facts(features="CONSOLIDATED_BILLING"), MISSING, "only shares its bill"),
            (facts(), OK, "all features"),
        ]
        for found, verdict, said in cases:
            with self.subTest(said):
                finding = organization.organization(found, PAYER)
                self.assertEqual(finding.verdict, verdict)
                self.assertIn(said, finding.said)

    def test_only_the_samples_ids_are_offered_to_be_replaced(self):
        facts = organization.Facts("o-aaaaaaaaaa", PAYER, "ALL", ("r-aaaa",), ("ou-aaaa-gone0000",))
        id_ = "o-aaaaaaaaaa"
        cases = [
            (Policy(PAYER, id_, "r-aaaa"), OK, None),
            (Policy(PAYER, "o-exampleorg", "r-exam"), MISSING, Remedy.FILL_POLICY),
            (Policy(PAYER, "o-bbbbbbbbbb", "r-aaaa"), MISSING, None),
            (Policy(PAYER, id_, "r-exam"), MISSING, Remedy.FILL_POLICY),
            (Policy(PAYER, id_, "r-bbbb"), MISSING, None),
            (Policy(PAYER, id_), MISSING, None),
            (Policy(PAYER, id_, ous=("ou-aaaa-gone0000",)), MISSING, None),
        ]
        for policy, verdict, remedy in cases:
            with self.subTest(policy):
                found = organization.ids(facts, policy)
                self.assertEqual((found.verdict, found.remedy, found.stops), (verdict, remedy, verdict is MISSING))

    def test_access(self):
        for status, verdict in (("ENABLED", OK), ("DISABLED", MISSING), ("DISABLED_PERMANENTLY", MISSING)):
            self.assertEqual(access.access(status).verdict, verdict)
        self.assertIn("permanently", access.access("DISABLED_PERMANENTLY").said)

    def test_slots(self):
        nine = tuple(f"p{number}" for number in range(9))
        attached = {"r-aaaa": nine, "ou-1": (*nine, "p9"), "ou-2": (*nine, names.protectPolicy)}
        facts = scps.Facts(True, "r-aaaa", attached)
        self.assertEqual([one.verdict for one in scps.slots(facts)], [OK, MISSING, OK])


class Trails(unittest.TestCase):
    def test_which_trail_tells_launches_everywhere(self):
        whole = trail.Trail("t", True, True, True, True)
        cases = {
            "none": ([], "no trail covers all regions"),
            "one region": ([trail.Trail("t", False, True, False, False)], "no trail covers all regions"),
            "the payer only": ([trail.Trail("t", True, False, True, True)], "this account only"),
            "not recording": ([trail.Trail("t", True, True, False, True)], "not recording"),
            "reads only": ([trail.Trail("t", True, True, True, False)], "no management events that write"),
        }
        for name, (trails, said) in cases.items():
            with self.subTest(name):
                found = trail.trail(trails)
                self.assertEqual((found.verdict, found.stops), (MISSING, False))
                self.assertIn(said, found.said)
                self.assertIn("RunInstances events are off", found.said)
                self.assertTrue(found.mend)
                self.assertEqual(trail.trail([*trails, whole]).verdict, OK)

    def test_which_selectors_record_a_launch(self):
        def advanced(**fields):
            selectors = [{"Field": name, **how} for name, how in fields.items()]
            return {"AdvancedEventSelectors": [{"FieldSelectors": selectors}]}

        management = {"Equals": ["Management"]}
        cases = [
            ({}, False),
            ({"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True}]}, True),
            ({"EventSelectors": [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}]}, True),
            ({"EventSelectors": [{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}]}, False),
            ({"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": False}]}, False),
            (advanced(eventCategory=management), True),
            (advanced(eventCategory={"Equals": ["Data"]}), False),
            (advanced(eventCategory=management, readOnly={"Equals": ["true"]}), False),
            (advanced(eventCategory=management, readOnly={"Equals": ["false"]}), True),
            (advanced(eventCategory=management, eventSource={"NotEquals": ["kms.amazonaws.com"]}), True),
            (advanced(eventCategory=management, eventSource={"NotEquals": ["ec2.amazonaws.com"]}), False),
            (advanced(eventCategory=management, eventSource={"Equals": ["iam.amazonaws.com"]}), False),
            (advanced(eventCategory=management, eventName={"StartsWith": ["Run"]}), True),
            (advanced(eventCategory=management, eventName={"NotStartsWith": ["Run"]}), False),
        ]
        for selectors, records in cases:
            with self.subTest(selectors):
                self.assertEqual(trail.records_writes(selectors), records)


class Operator(unittest.TestCase):
    def test_who_is_behind_an_arn(self):
        cases = {
            f"arn:aws:iam::{PAYER}:root": ("root", "root"),
            f"arn:aws:iam::{PAYER}:user/ada": ("user", "ada"),
            f"arn:aws:iam::{PAYER}:user/staff/cloud/ada": ("user", "ada"),
            f"arn:aws:sts::{PAYER}:assumed-role/Admin/ada@example.edu": ("role", "Admin"),
            f"arn:aws:sts::{PAYER}:assumed-role/{SIGNED_ON}/ada": ("role", SIGNED_ON),
            f"arn:aws:sts::{PAYER}:federated-user/ada": ("other", "ada"),
        }
        for arn, (kind, name) in cases.items():
            with self.subTest(arn):
                self.assertEqual(operator.principal(arn), operator.Principal(kind, name))

    def test_whether_a_halt_of_the_payer_would_lock_the_operator_out(self):
        def rule(**how):
            return PayerRule(**({"mode": "proceed", "users": "deactivate", "roles": "revoke-sessions"} | how))

        user, role = f"arn:aws:iam::{PAYER}:user/staff/ada", f"arn:aws:sts::{PAYER}:assumed-role/Admin/ada"
        cases = [
            (user, PayerRule(), OK),
            (user, rule(mode="drill"), OK),
            (user, rule(), MISSING),
            (user, rule(users="leave"), OK),
            (user, rule(exempt_users=frozenset({"ada"})), OK),
            (user, rule(exempt_users=frozenset({"staff/ada"}), exempt_roles=frozenset({"ada"})), MISSING),
            (role, rule(), MISSING),
            (role, rule(roles="leave"), OK),
            (role, rule(exempt_roles=frozenset({"Admin"})), OK),
            (role, rule(exempt_users=frozenset({"Admin", "ada"})), MISSING),
            (f"arn:aws:sts::{PAYER}:assumed-role/{SIGNED_ON}/ada", rule(), OK),
            (f"arn:aws:sts::{PAYER}:assumed-role/RunawayTrainRelease/ci", rule(), OK),
            (f"arn:aws:sts::{PAYER}:assumed-role/RunawayTrainReleaseOfMine/ci", rule(), MISSING),
            (f"arn:aws:iam::{PAYER}:root", rule(), OK),
            (f"arn:aws:sts::{PAYER}:federated-user/ada", rule(), MISSING),
        ]
        for arn, how, verdict in cases:
            with self.subTest(f"{arn} {how}"):
                found = operator.operator(Identity(PAYER, arn), how)
                self.assertEqual((found.verdict, found.stops), (verdict, verdict is MISSING))

    def test_who_is_never_touched(self):
        ours = (names.functionRole, names.responderRole, names.forwarderRole, names.releaseRole)
        bootstrap = f"cdk-hnb659fds-deploy-role-{PAYER}-us-east-1"
        for role in (*ours, "OrganizationAccountAccessRole", bootstrap, SIGNED_ON):
            self.assertTrue(operator.never_touched(role), role)
        for role in ("Admin", "cdk-x", f"a{bootstrap}", "OrganizationAccountAccessRole2", "awsreservedsso_admin", "AWSServiceRoleFor"):
            self.assertFalse(operator.never_touched(role), role)

    def test_the_contract_says_who_is_never_touched(self):
        def change(said: dict) -> None:
            roles = [{"exactly": "Night"}, {"prefix": "watch-"}]
            said["neverTouched"] = {"roles": roles, "paths": ["/aws-service-role/"]}

        with mock.patch.object(operator, "CONTRACT", made_up.contract(change)):
            self.assertTrue(operator.never_touched("Night") and operator.never_touched("watch-tower"))
            for role in ("Nightly", names.functionRole, "cdk-hnb659fds-deploy-role", SIGNED_ON):
                self.assertFalse(operator.never_touched(role), role)

    def test_a_rule_of_another_kind_is_refused(self):
        with self.assertRaises(KeyError):
            made_up.contract(lambda said: said["neverTouched"]["roles"].append({"suffix": "-watch"}))


class Contract(unittest.TestCase):
    def test_what_the_checks_stand_on(self):
        self.assertLess(CONTRACT.contained, CONTRACT.states)
        self.assertTrue(CONTRACT.contained)
        self.assertIn("drill", CONTRACT.modes)
        self.assertIn("/aws-reserved/", CONTRACT.never_touched.paths)


class Others(unittest.TestCase):
    def test_billing(self):
        self.assertEqual([billing.alerts(count).verdict for count in (0, 1, 200)], [MISSING, OK, OK])

    def test_bootstrap(self):
        verdicts = [bootstrap.bootstrap(version, PAYER).verdict for version in (None, 0, 5, 6, 33)]
        self.assertEqual(verdicts, [MISSING, MISSING, MISSING, OK, OK])

    def test_regions(self):
        status = {"us-east-1": "opt-in-not-required", "ap-east-1": "not-opted-in", "me-south-1": "opted-in"}
        cases = [
            ((), [MISSING]),
            (("us-east-1", "me-south-1"), [OK]),
            (("us-east-1", "ap-east-1", "xx"), [MISSING, MISSING]),
        ]
        for wanted, verdicts in cases:
            with self.subTest(wanted):
                self.assertEqual([one.verdict for one in regions.regions(wanted, status)], verdicts)
        self.assertFalse(regions.regions((), status)[0].stops, "polling sees launches too")
        (found,) = regions.regions(("us-east-1",), status, "ap-east-1")
        self.assertTrue(found.stops, "nobody would be enrolled")
        self.assertIn("organization.memberRegion", found.mend)

    def test_the_region_of_the_roles(self):
        self.assertEqual(regions.roles(frozenset(), "eu-central-1"), [], "nobody is enrolled")
        self.assertEqual([one.verdict for one in regions.roles(frozenset({"eu-central-1"}), "eu-central-1")], [OK])
        for standing in ({"us-east-1"}, {"us-east-1", "eu-central-1"}):
            (found,) = regions.roles(frozenset(standing), "eu-central-1")
            self.assertTrue(found.stops)
            self.assertIn("organization.memberRegion: us-east-1", found.mend)

    def test_the_function(self):
        file = Path("/tmp/bootstrap")
        cases = [
            (function.Facts(file, True), OK, False),
            (function.Facts(file, False), MISSING, False),
            (function.Facts(file, True, Path("sweep.rs")), MISSING, False),
            (function.Facts(file, True, given=True), OK, False),
            (function.Facts(file, False, given=True), MISSING, True),
        ]
        for facts, verdict, stops in cases:
            with self.subTest(facts):
                found = function.function(facts)
                self.assertEqual((found.verdict, found.stops), (verdict, stops))


class Words(unittest.TestCase):
    def test_the_last_line(self):
        fine, gone, spared = ok("a", ""), missing("b", "", "do"), missing("c", "", "do", needed=False)
        dark = unknown("d", "")
        cases = [
            ([fine], True, "Nothing that a deployment needs is missing."),
            ([fine, spared], True, "Nothing that a deployment needs is missing. It can do without c."),
            ([fine, gone, spared], False, "A deployment still needs: b. It can do without c."),
            ([gone, dark], False, "A deployment still needs: b and d."),
        ]
        for findings, ready, said in cases:
            with self.subTest(said):
                self.assertEqual((words.ready(findings), words.verdict(findings)), (ready, said))

    def test_what_force_may_pass_over(self):
        fine, gone, dark = ok("a", ""), missing("b", "", "do"), unknown("d", "")
        spared = missing("c", "", "do", needed=False)
        cases = [([fine, dark], True), ([fine, dark, spared], True), ([fine, dark, gone], False), ([dark, fine], False)]
        for findings, may in cases:
            with self.subTest([one.what for one in findings]):
                self.assertEqual(words.only_unknown(findings), may)


if __name__ == "__main__":
    unittest.main()
