"""The parts of questions that every report takes from its view."""

from questlog.analytics.question.query import Comparison, Granularity, Period
from questlog.web.view import PREVIOUS, View


def comparison_of(view: View) -> Comparison | Period | None:
    """What an answer is compared with."""
    if view.compare_text == PREVIOUS:
        return Comparison.PREVIOUS_PERIOD
    return view.compared


def point_length(view: View, shortest: Granularity = Granularity.HOUR) -> Granularity:
    """The view's granularity, but not shorter than one that the question can be answered in."""
    if shortest is Granularity.DAY and view.granularity.is_within_a_day:
        return Granularity.DAY
    return view.granularity
