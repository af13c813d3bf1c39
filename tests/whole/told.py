"""What became of a report in a running city."""

from __future__ import annotations

from tianmu.rehearse.city.city import City
from waiting import eventually


def case_of_report(city: City, report: str) -> str:
    def look() -> str:
        response = city.http.get(f"/api/reports/{report}")
        return response.json().get("case") or "" if response.status_code == 200 else ""

    return eventually(look, what=f"report {report} has a case")
