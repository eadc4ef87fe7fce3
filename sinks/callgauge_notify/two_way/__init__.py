"""What people do in Slack and PagerDuty comes back: verified requests become actions on the alerts topic."""
