"""The registry of analyses: what can be asked.

Routes, the choices of `questlog query --analysis`, the kinds of saved questions, the schema with its examples and
`docs/reference/analyses/README.md` are derived from it. An analysis declares its entry beside its answer function.
"""

from questlog.analytics.analyses import cohorts, economy, explore, funnel, progression, realtime, retention, timeline
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.metrics import metric_query
from questlog.analytics.selection import cardinality, segments

ANALYSES: tuple[Analysis, ...] = (
    metric_query.ANALYSIS,
    explore.ANALYSIS,
    retention.ANALYSIS,
    cohorts.ANALYSIS,
    funnel.ANALYSIS,
    progression.ANALYSIS,
    economy.ANALYSIS,
    economy.BALANCES,
    segments.ANALYSIS,
    realtime.ANALYSIS,
    cardinality.ANALYSIS,
    timeline.PLAYER,
    timeline.SESSIONS_OF_PLAYER,
    timeline.ANALYSIS,
)
