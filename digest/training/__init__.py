"""How the name recogniser was made: the recipe, its data and the code that trains and exports it.

Nothing here runs in production. PyTorch, ONNX and the package that holds the pretrained encoder are needed only here
(extra `train`). Run `python -m digest.training --help`.
"""
