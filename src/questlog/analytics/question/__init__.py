"""What can be asked and what is answered, as data: the words that the API, a page's address and Python share."""
