"""The catalogue of metrics, and how a question for some of them is planned, asked and put together."""
