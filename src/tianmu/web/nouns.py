"""All routes of the API, in the order in which they are tried."""

from tianmu.web.api.alarms import alarms, causes, rules
from tianmu.web.api.alarms import load as alarm_load
from tianmu.web.api.cases import bulk as case_bulk
from tianmu.web.api.cases import cases, exposure, filters, rooms, rulings
from tianmu.web.api.cases import files as case_files
from tianmu.web.api.cases import groups as case_groups
from tianmu.web.api.cases import merges as case_merges
from tianmu.web.api.cases import printing as case_print
from tianmu.web.api.cases import steps as case_steps
from tianmu.web.api.cases import whole as case_whole
from tianmu.web.api.city import city, pack, plans
from tianmu.web.api.devices import anomalies, asking, bulk, devices, intake, series
from tianmu.web.api.duty import absences, contacts, handovers, shifts
from tianmu.web.api.duty import gateways as contact_gateways
from tianmu.web.api.exchange import deliveries as webhook_deliveries
from tianmu.web.api.exchange import orders, sources, webhooks
from tianmu.web.api.hazards import files as hazard_files
from tianmu.web.api.hazards import hazards
from tianmu.web.api.history import areas as history_areas
from tianmu.web.api.history import export as history_export
from tianmu.web.api.history import history
from tianmu.web.api.live import metrics, push, tiles, vitals
from tianmu.web.api.people import accounts, audit, factors, roles, session, sign_on, tokens
from tianmu.web.api.reports import alike as report_alike
from tianmu.web.api.reports import proposals as report_proposals
from tianmu.web.api.reports import reports
from tianmu.web.api.reports import taking as report_taking
from tianmu.web.api.scenarios import forecasts, scenarios
from tianmu.web.api.scenarios import things as scenario_things
from tianmu.web.api.units import field, resources, units
from tianmu.web.api.warnings import bulletins, warnings
from tianmu.web.api.warnings import feed as warning_feed
from tianmu.web.api.warnings import kinds as warning_kinds
from tianmu.web.api.warnings import proposals as warning_proposals
from tianmu.web.route.route import Routes

NOUNS: tuple[Routes, ...] = tuple(
    module.routes
    for module in (
        session,
        sign_on,
        factors,
        city,
        vitals,
        push,
        tiles,
        causes,
        alarm_load,
        alarms,
        anomalies,
        cases,
        case_files,
        case_print,
        case_bulk,
        filters,
        rooms,
        case_whole,
        case_steps,
        exposure,
        case_groups,
        case_merges,
        contact_gateways,
        contacts,
        rulings,
        units,
        resources,
        orders,
        reports,
        report_alike,
        report_proposals,
        report_taking,
        field,
        bulk,
        devices,
        series,
        asking,
        history,
        history_areas,
        history_export,
        intake,
        sources,
        webhooks,
        webhook_deliveries,
        rules,
        absences,
        handovers,
        shifts,
        accounts,
        roles,
        tokens,
        pack,
        plans,
        scenarios,
        scenario_things,
        bulletins,
        warning_feed,
        warning_kinds,
        warning_proposals,
        warnings,
        forecasts,
        hazard_files,
        hazards,
        audit,
        metrics,
    )
)
