using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>
/// Which output neurons learned the inverted code. Information does not change when y becomes −y, so an output neuron
/// may well fire for all classes but its own. The authors decide that from each evaluation batch, so that a row's
/// score depends on its neighbours; here it is decided once, on training rows with the label withheld: a neuron is
/// inverted where its mean θ over the rows of its own class is below its mean over the others.
/// </summary>
internal sealed class OutputSigns(int classes, bool canBeInverted = true)
{
    private readonly double[] _own = new double[classes];
    private readonly double[] _others = new double[classes];
    private readonly double[] _ownMass = new double[classes];
    private readonly double[] _othersMass = new double[classes];

    /// <summary>Adds a batch.</summary>
    /// <param name="rows">The data.</param>
    /// <param name="batch">The rows of the batch.</param>
    /// <param name="output">Aggregated inputs of the output neurons, classes × rows.</param>
    public void Add(LabeledRows rows, ReadOnlySpan<int> batch, TensorMatrix output)
    {
        for (int neuron = 0; neuron < classes; neuron++)
        {
            ReadOnlySpan<float> f = output[neuron];
            for (int i = 0; i < batch.Length; i++)
            {
                double mass = rows.Weights is null ? 1 : rows.Weights[batch[i]];
                double theta = mass / (1 + Math.Exp(-f[i]));
                if (rows.Labels[batch[i]] == neuron)
                {
                    _own[neuron] += theta;
                    _ownMass[neuron] += mass;
                }
                else
                {
                    _others[neuron] += theta;
                    _othersMass[neuron] += mass;
                }
            }
        }
    }

    /// <summary>For each class 1, or −1 where its neuron is inverted, or 0 where it has no row.</summary>
    public int[] Decide()
    {
        int[] signs = new int[classes];
        for (int neuron = 0; neuron < classes; neuron++)
        {
            if (_ownMass[neuron] == 0)
                continue;
            bool inverted = canBeInverted && _own[neuron] * _othersMass[neuron] < _others[neuron] * _ownMass[neuron];
            signs[neuron] = inverted ? -1 : 1;
        }

        return signs;
    }
}
