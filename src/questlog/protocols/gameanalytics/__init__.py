"""The GameAnalytics Collector protocol, version 2 (docs/reference/gameanalytics.md)."""
