"""What tests of the gateway share: real clients that are driven against a stub of a provider."""
