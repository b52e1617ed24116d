"""A queue hands its messages to a function as its mapping says. ministack hands over ten at most, at once, and to as
many invocations as there may ever be; on AWS there are five at first, and more only while messages go on waiting.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
"""

import time
from typing import Any

from ministack.services import lambda_svc, sqs

FIRST = 5  # invocations at once


def install() -> None:
    sqs._receive_messages_for_esm = receive
    plain = lambda_svc._sqs_esm_concurrency
    lambda_svc._sqs_esm_concurrency = lambda *mapping: min(FIRST, plain(*mapping))


def receive(queue_url: str, most: int) -> list[dict[str, Any]]:
    """A full batch at once, any other when its oldest message has waited for the mapping's window."""
    with sqs._queues_lock:
        queue = sqs._get_q(queue_url)
        sqs._expire_retained(queue)
        sqs._dlq_sweep(queue)
        now = time.time()
        waiting = [message["visible_at"] for message in queue["messages"] if message["visible_at"] <= now]
        if not waiting or (len(waiting) < most and now - min(waiting) < _window(queue["attributes"]["QueueArn"])):
            return []
        return sqs._collect_msgs(queue, most, int(queue["attributes"]["VisibilityTimeout"]))


def _window(queue_arn: str) -> float:
    """Seconds; the mappings are those of the account that is being polled."""
    windows = [
        mapping["MaximumBatchingWindowInSeconds"]
        for mapping in lambda_svc._esms.values()
        if mapping["EventSourceArn"] == queue_arn
    ]
    return max(windows, default=0)
