"""How long questions take over a history of ten million events, beside raw engines and the least that numpy needs."""
