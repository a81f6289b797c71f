"""What `torch_state_dict` and `load_torch_state_dict` do. Nothing here is imported before."""
