"""One analysis each: its question type, the rows it asks for, and its answer."""
