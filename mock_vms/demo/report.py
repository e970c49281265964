"""One row per vehicle with the time of each hop; the first hop that failed is named."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Console
from rich.table import Table

HOPS = ("frame", "read", "stored", "pulled", "alarm", "gate")


@dataclass(slots=True, kw_only=True)
class VehicleRow:
    """What happened to one vehicle. Times are UTC; a hop that did not happen is missing, one that shall not is `-`."""

    camera: str
    label: str
    truth: str | None
    gate_expected: bool | None = None
    """None: this run does not look at gates for this vehicle."""
    read: str | None = None
    country: str = ""
    alarm_list: str = ""
    times: dict[str, datetime] = field(default_factory=dict)
    problem: str | None = None

    @property
    def right(self) -> bool:
        """The plate that arrived is the true one; without truth, any plate will do."""
        return self.read is not None and (self.truth is None or self.read == self.truth)

    def first_missing_hop(self) -> str | None:
        for hop in HOPS:
            if hop == "gate" and not self.gate_expected:
                continue
            if hop not in self.times:
                return hop
        return None


def print_rows(console: Console, rows: list[VehicleRow]) -> None:
    """The table a person reads: seconds after the vehicle came into view."""
    table = Table(title="Each vehicle, hop by hop (seconds after it came into view)", title_justify="left")
    for heading in ("camera", "vehicle", "true plate", "read as", "list"):
        table.add_column(heading)
    for hop in HOPS:
        table.add_column(hop, justify="right")
    table.add_column("result")
    for row in rows:
        start = row.times.get("frame")
        cells = []
        for hop in HOPS:
            if hop == "frame" and start is not None:
                cells.append(start.strftime("%H:%M:%S"))
            elif hop == "gate" and not row.gate_expected:
                cells.append(
                    "shut"
                    if row.gate_expected is False and hop not in row.times
                    else "-"
                    if hop not in row.times
                    else "OPEN"
                )
            elif hop in row.times and start is not None:
                cells.append(f"{(row.times[hop] - start).total_seconds():.2f}")
            else:
                cells.append("?")
        verdict = f"[red]{row.problem}[/red]" if row.problem else "[green]ok[/green]"
        shown = f"{row.read} {row.country}".strip() if row.read else "[red]nothing[/red]"
        table.add_row(row.camera, row.label, row.truth or "?", shown, row.alarm_list, *cells, verdict)
    console.print(table)
