"""Rules: slow, versioned, published; read into frozen records that the router uses."""
