"""What the API and the pages share and neither owns: asking, definitions, access, the live feed. Knows no HTTP."""
