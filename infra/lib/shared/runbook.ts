/** Where people read on when an alarm rings: its heading in the runbook, in the repository. */
export function runbook(alarm: string): string {
  return `Runbook: docs/runbook.md#alarm-${alarm}`;
}
