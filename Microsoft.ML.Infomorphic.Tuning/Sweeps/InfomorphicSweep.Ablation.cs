using System.Globalization;
using Microsoft.ML.Infomorphic.Information;

namespace Microsoft.ML.Infomorphic.Tuning;

// arXiv 2412.02482, section 4.2: the ablation of goal parameters.

public sealed partial class InfomorphicSweep
{
    /// <summary>
    /// Sets one weight of the hidden neurons' goal to zero at a time, and trains and judges each as a trial. Weights of
    /// atoms that matter cost much of the metric. Nothing of it is stored.
    /// </summary>
    /// <param name="point">The point, such as that of <see cref="SweepResult.Best"/>.</param>
    /// <param name="trainData">The training data.</param>
    /// <param name="validationData">The validation data.</param>
    /// <param name="layer">
    /// The place, from 0, of the hidden layer whose neurons' goal it is, while those of other layers stay; null where there is
    /// only one.
    /// </param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>One ablation for each weight that is not zero, the most harmful one first.</returns>
    /// <exception cref="ArgumentException">
    /// The hidden neurons have no goal, or there is no such layer, or there are several and none is given.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <remarks>Source: arXiv 2412.02482, section 4.2.</remarks>
    public IReadOnlyList<Ablation> Ablate(
        ParameterPoint point,
        IDataView trainData,
        IDataView validationData,
        int? layer = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(point);
        ArgumentNullException.ThrowIfNull(trainData);
        ArgumentNullException.ThrowIfNull(validationData);
        if (_options.Preprocessing is not null)
        {
            ITransformer fitted = _options.Preprocessing.Fit(trainData);
            (trainData, validationData) = (fitted.Transform(trainData), fitted.Transform(validationData));
        }
        InfomorphicTrainer.Options options = OptionsAt(point);
        layer = TrainerSpace.LayerOf(options, layer);
        options.CancellationToken = cancellationToken;
        GoalFunction goal =
            TrainerSpace.GoalOf(options, layer)
            ?? throw new ArgumentException(
                "There is no goal to take weights from: the hidden neurons do not learn.",
                nameof(point)
            );
        double whole = Judge(goal);
        IEnumerable<Ablation> ablations =
            from atom in Enumerable.Range(0, goal.Gamma.Count)
            where goal.Gamma[atom] != 0
            select new Ablation(
                atom < goal.Lattice.Antichains.Count
                    ? goal.Lattice.Antichains[atom].ToString(goal.Sources)
                    : GoalSpace.ResidualEntropy,
                goal.Gamma[atom],
                whole,
                Judge(GoalFunction.FromGamma(goal.Sources, [.. goal.Gamma.Select((v, i) => i == atom ? 0 : v)]))
            )
            {
                Layer = layer,
            };
        return [.. ablations.ToArray().OrderBy(a => -Losses.Of(a.Value, Metric.Direction))];

        double Judge(GoalFunction ablated)
        {
            cancellationToken.ThrowIfCancellationRequested();
            TrainerSpace.SetGoal(options, layer, ablated);
            ITransformer model = _task.Fit(_task.CreateTrainer(options), trainData, validationData);
            return _task.Measure(Metric, model.Transform(validationData), options.LabelColumnName);
        }
    }
}

/// <summary>What became of the metric where one weight of the goal was set to zero.</summary>
/// <param name="Atom">The weight's atom, such as "{F}{L}", or "H_res".</param>
/// <param name="Weight">What the weight was.</param>
/// <param name="Before">The metric with it.</param>
/// <param name="Value">The metric without it.</param>
public sealed record Ablation(string Atom, double Weight, double Before, double Value)
{
    /// <summary>The place of the hidden layer whose goal it is, from 0; null where the options have no list of layers.</summary>
    public int? Layer { get; init; }

    /// <summary>The weight's name as <see cref="TrainerSpace"/> has it: the atom, after "layer 2 " where it is the second layer's.</summary>
    public string Name => TrainerSpace.PrefixOf(Layer) + Atom;

    /// <summary>Writes the name and both values, with the invariant culture.</summary>
    /// <returns>The text.</returns>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Name}: {Before:0.0000} → {Value:0.0000}");
}
