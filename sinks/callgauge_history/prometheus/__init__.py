"""What the calls of your services look like to Prometheus: counters and histograms made of the newest windows."""
