"""What users ask for: services with SLOs, a fleet, and measured performance."""
