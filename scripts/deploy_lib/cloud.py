"""AWS, as an administrator of the payer reaches it: always us-east-1, every failure a `Refusal`."""

import threading
from collections.abc import Iterator

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from .contract import names
from .refusal import refusal

# A preflight that hangs is no help; a person waits for it.
_QUICK = Config(connect_timeout=10, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4})
# As long as a Lambda may run, and never a second time: a repeated invocation would be a second sweep.
_PATIENT = Config(connect_timeout=10, read_timeout=910, retries={"total_max_attempts": 1})
_FAILURES = (ClientError, BotoCoreError, ResponseParserError)


class Cloud:
    def __init__(self, profile: str | None = None):
        """Raises `Refusal` for a profile that does not exist."""
        try:
            self._session = boto3.session.Session(profile_name=profile)
        except BotoCoreError as error:
            raise refusal("sts:GetCallerIdentity", error) from error
        self._clients: dict = {}
        self._lock = threading.Lock()

    @property
    def own_region(self) -> str | None:
        """The region that the profile or the environment names; it plays no part."""
        return self._session.region_name

    def client(self, service: str, patient: bool = False):
        name = (service, patient)
        with self._lock:  # boto3 makes clients safely only one at a time
            if name not in self._clients:
                self._clients[name] = self._session.client(service, region_name=names.homeRegion, config=_PATIENT if patient else _QUICK)
            return self._clients[name]

    def ask(self, service: str, operation: str, patient: bool = False, **parameters) -> dict:
        """One call. `operation` is spelled as the API does, `ListRoots`."""
        try:
            client = self.client(service, patient)
            return getattr(client, _method(client, operation))(**parameters)
        except _FAILURES as error:
            raise refusal(f"{service}:{operation}", error) from error

    def pages(self, service: str, operation: str, key: str, **parameters) -> Iterator[dict]:
        """What all pages have under `key`, one by one."""
        try:
            client = self.client(service)
            for page in client.get_paginator(_method(client, operation)).paginate(**parameters):
                yield from page.get(key, [])
        except _FAILURES as error:
            raise refusal(f"{service}:{operation}", error) from error

    def environment(self) -> dict[str, str]:
        """For the CDK: the very identity that was looked at here, not one that it would find or ask for by itself."""
        try:
            found = self._session.get_credentials()
            keys = found.get_frozen_credentials() if found else None
        except BotoCoreError as error:
            raise refusal("sts:GetCallerIdentity", error) from error
        if keys is None:
            return {}
        made = {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key}
        return made | ({"AWS_SESSION_TOKEN": keys.token} if keys.token else {})


def _method(client, operation: str) -> str:
    return next(method for method, api in client.meta.method_to_api_mapping.items() if api == operation)
