"""The parts of questions that every report takes from its view."""

from questlog.analytics.question.query import Granularity
from questlog.web.view import View


def point_length(view: View, shortest: Granularity = Granularity.HOUR) -> Granularity:
    """The view's granularity, but not shorter than one that the question can be answered in."""
    if shortest is Granularity.DAY and view.granularity.is_within_a_day:
        return Granularity.DAY
    return view.granularity
