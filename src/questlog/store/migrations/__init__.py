"""Forward migrations of the analytics store, one module per version. A released one is never edited."""
