"""A made-up game with believable data: its players and what they do, as requests of clients and game servers."""
