"""The registry of analyses: what can be asked.

Routes, the choices of `questlog query --analysis`, the kinds of saved questions, the schema with its examples and
`docs/reference/analyses/README.md` are derived from it. An analysis declares its entry next to its answer function.
"""

from questlog.analytics.analyses import (
    cohorts,
    economy,
    error_groups,
    error_samples,
    event_catalogue,
    explore,
    funnel,
    members,
    metric_preview,
    paths,
    player_devices,
    player_purchases,
    player_search,
    progression,
    realtime,
    releases,
    retention,
    timeline,
    values,
)
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.metrics import metric_query
from questlog.analytics.selection import cardinality, segments

ANALYSES: tuple[Analysis, ...] = (
    metric_query.ANALYSIS,
    metric_preview.ANALYSIS,
    explore.ANALYSIS,
    retention.ANALYSIS,
    cohorts.ANALYSIS,
    funnel.ANALYSIS,
    paths.ANALYSIS,
    members.ANALYSIS,
    progression.ANALYSIS,
    economy.ANALYSIS,
    economy.BALANCES,
    error_groups.ANALYSIS,
    error_samples.ANALYSIS,
    segments.ANALYSIS,
    realtime.ANALYSIS,
    event_catalogue.ANALYSIS,
    releases.ANALYSIS,
    values.ANALYSIS,
    cardinality.ANALYSIS,
    player_search.ANALYSIS,
    timeline.PLAYER,
    timeline.SESSIONS_OF_PLAYER,
    timeline.ANALYSIS,
    player_devices.ANALYSIS,
    player_purchases.ANALYSIS,
)
