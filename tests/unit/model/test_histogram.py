from questlog.model.histogram import Histogram, HistogramCounts


def test_an_observation_is_counted_up_to_its_bound() -> None:
    histogram = Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 3.0):
        histogram.observe(value)
    assert histogram.counts() == HistogramCounts((0.1, 1.0), (2, 1, 1), 3.65)


def test_prometheus_gets_how_many_were_at_most_each_bound() -> None:
    counts = HistogramCounts((0.001, 1.0, 10.0), (2, 0, 1, 4), 9.0)
    assert counts.cumulative == [("0.001", 2.0), ("1.0", 2.0), ("10.0", 3.0), ("+Inf", 7.0)]
