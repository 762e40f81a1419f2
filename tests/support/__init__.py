"""What more than one kind of test needs."""
