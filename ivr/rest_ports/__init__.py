"""What programs may do through the API, put together from stores, rules and the floor."""
