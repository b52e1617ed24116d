"""A Distributed Map of Step Functions gathers its items into batches and writes down what came of them. ministack reads
the items and runs a child for each; ItemBatcher and ResultWriter it leaves out.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html
https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""

import json
from typing import Any

from ministack.services import s3, stepfunctions

KINDS = {"SUCCEEDED": "SUCCEEDED", "FAILED": "FAILED", "TIMED_OUT": "FAILED", "ABORTED": "FAILED"}


def install() -> None:
    plain = stepfunctions._run_distributed_map

    def run(state: Any, given: Any, effective: Any, processor: Any, execution: Any, context: Any) -> tuple[Any, Any]:
        if "ItemBatcher" not in state and "ResultWriter" not in state:
            return plain(state, given, effective, processor, execution, context)
        items = _items(state, effective, context)
        if "ItemBatcher" in state:
            items = _batches(state["ItemBatcher"], items, effective, context)
        # Its items are there already, and its result is still to be written.
        left_out = ("ItemReader", "ItemBatcher", "ResultWriter", "ItemSelector", "ResultSelector", "ResultPath")
        bare = {key: value for key, value in state.items() if key not in left_out} | {"ItemsPath": "$"}
        before = set(stepfunctions._map_runs)
        result, following = plain(bare, items, items, processor, execution, context)
        if "ResultWriter" in state:
            (run_arn,) = set(stepfunctions._map_runs) - before
            result = _write(state["ResultWriter"], run_arn, effective, context)
        result = stepfunctions._apply_result_selector(state, result)
        return stepfunctions._apply_result_path(state, given, result), following

    stepfunctions._run_distributed_map = run


def _items(state: Any, effective: Any, context: Any) -> list[Any]:
    if "ItemReader" in state:
        return stepfunctions._read_map_items(state["ItemReader"], effective, context)
    return stepfunctions._resolve_path_or_ctx(state.get("ItemsPath", "$"), effective, context)


def _batches(batcher: Any, items: list[Any], effective: Any, context: Any) -> list[Any]:
    size = int(batcher["MaxItemsPerBatch"])
    more = {}
    if "BatchInput" in batcher:
        more["BatchInput"] = stepfunctions._resolve_params_obj(batcher["BatchInput"], effective, context)
    return [more | {"Items": items[at : at + size]} for at in range(0, len(items), size)]


def _write(writer: Any, run_arn: str, effective: Any, context: Any) -> dict[str, Any]:
    """The files by what became of the children, the manifest last; where that is."""
    where = stepfunctions._resolve_params_obj(writer["Parameters"], effective, context)
    bucket, folder = where["Bucket"], f"{where['Prefix'].rstrip('/')}/{run_arn.rsplit(':', 1)[-1]}"
    children = [one for one in stepfunctions._executions.values() if one.get("mapRunArn") == run_arn]
    files: dict[str, list[dict[str, Any]]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
    for kind in ("SUCCEEDED", "FAILED"):
        found = [_exported(child) for child in children if KINDS.get(child["status"]) == kind]
        if found:
            key = f"{folder}/{kind}_0.json"
            files[kind] = [{"Key": key, "Size": _put(bucket, key, found)}]
    key = f"{folder}/manifest.json"
    _put(bucket, key, {"DestinationBucket": bucket, "MapRunArn": run_arn, "ResultFiles": files})
    return {"MapRunArn": run_arn, "ResultWriterDetails": {"Bucket": bucket, "Key": key}}


def _exported(child: dict[str, Any]) -> dict[str, Any]:
    told = {
        "ExecutionArn": child["executionArn"],
        "Input": child["input"],
        "InputDetails": {"Included": True},
        "Name": child["name"],
        "Output": child["output"],
        "OutputDetails": {"Included": True},
        "RedriveCount": 0,
        "StartDate": child["startDate"],
        "StateMachineArn": child["stateMachineArn"],
        "Status": child["status"],
        "StopDate": child["stopDate"],
        "Error": child.get("error"),
        "Cause": child.get("cause"),
    }
    return {key: value for key, value in told.items() if value is not None}


def _put(bucket: str, key: str, what: object) -> int:
    body = json.dumps(what).encode()
    status = s3._put_object(bucket, key, body, {})[0]
    if status != 200:
        raise stepfunctions._ExecutionError("States.ResultWriterFailed", f"{key} could not be written: {status}")
    return len(body)
