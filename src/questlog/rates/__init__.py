"""Exchange rates: where they come from, how they are fetched, what a unit of a currency is worth on a day."""
