"""What makes the same computation quicker on a CPU, each trick by itself; knows no model.

`memory` is kept instead of asked for again, `workers` share the cores. In bfloat16 convolutions are
`fused` with what follows, linear layers `packed`, and `depthwise` convolutions get a gradient that
is quicker.
"""
