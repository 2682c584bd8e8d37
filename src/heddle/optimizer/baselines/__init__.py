"""Simple plans to compare with: MIG-serving's static baselines and ParvaGPU's packing."""
