"""Errors are told by their codes and types, each as a sentence and what to do."""

import unittest

from botocore import exceptions as boto

from deploy_lib.refusal import Kind, refusal


def answered(code: str, message: str = "") -> boto.ClientError:
    return boto.ClientError({"Error": {"Code": code, "Message": message}}, "ListRoots")


class Refusals(unittest.TestCase):
    def test_each_kind(self):
        cases = [
            (answered("AccessDenied"), Kind.DENIED),
            (answered("AccessDeniedException"), Kind.DENIED),
            (answered("UnauthorizedOperation"), Kind.DENIED),
            (answered("AuthorizationError"), Kind.DENIED),
            (answered("ExpiredToken"), Kind.EXPIRED),
            (answered("InvalidClientTokenId"), Kind.CREDENTIALS),
            (answered("TooManyRequestsException"), Kind.THROTTLED),
            (answered("ServiceException"), Kind.FAULT),
            (answered("ValidationError", "access denied"), Kind.OTHER),  # the words never count
            (boto.NoCredentialsError(), Kind.CREDENTIALS),
            (boto.ProfileNotFound(profile="x"), Kind.CREDENTIALS),
            (boto.UnauthorizedSSOTokenError(), Kind.EXPIRED),
            (boto.TokenRetrievalError(provider="sso", error_msg="x"), Kind.EXPIRED),
            (boto.EndpointConnectionError(endpoint_url="https://x"), Kind.UNREACHABLE),
            (boto.ConnectTimeoutError(endpoint_url="https://x"), Kind.UNREACHABLE),
            (boto.ReadTimeoutError(endpoint_url="https://x"), Kind.UNREACHABLE),
            (boto.DataNotFoundError(data_path="x"), Kind.OTHER),
        ]
        for error, kind in cases:
            with self.subTest(repr(error)):
                found = refusal("organizations:ListRoots", error)
                self.assertEqual(found.kind, kind)
                self.assertTrue(str(found))
                self.assertEqual(bool(found.mend), kind is not Kind.OTHER)

    def test_a_denial_names_the_permission_as_iam_calls_it(self):
        self.assertEqual(str(refusal("ssm:GetParameter", answered("AccessDeniedException"))), "needs permission ssm:GetParameter")
        self.assertEqual(str(refusal("lambda:Invoke", answered("AccessDeniedException"))), "needs permission lambda:InvokeFunction")

    def test_foreign_words_come_as_one_clean_line(self):
        self.assertEqual(str(refusal("a:B", answered("Odd", "one\x1b[31m\ntwo"))), "a:B was refused with Odd: one [31m two")


if __name__ == "__main__":
    unittest.main()
