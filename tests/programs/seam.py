"""What a program says in two ways: gradients, which Keras leaves to its framework."""


def value_and_grad(keras, function, variables):
    """Return `function()`, its loss and what goes with it, and the gradients.

    `function` returns (loss, auxiliary).
    """
    if hasattr(keras, "value_and_grad"):
        both = keras.value_and_grad(lambda values: function(), has_aux=True)
        (loss, auxiliary), grads = both(variables)
        return (loss, auxiliary), grads
    import torch  # what Keras runs on here; Multinet may run without it

    loss, auxiliary = function()
    grads = torch.autograd.grad(loss, [v.value for v in variables])
    return (loss.detach(), auxiliary), list(grads)
