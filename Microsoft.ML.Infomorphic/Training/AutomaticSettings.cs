using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>The size of the training data, as far as it is known.</summary>
/// <param name="Rows">Number of training rows; 0 where it is not known yet.</param>
/// <param name="HasValidationRows">Whether there are validation data beside the training data.</param>
/// <param name="Earlier">The network to go on from, whose shape is kept; null for a fresh one.</param>
/// <param name="Image">The shape of the features where they are an image; null where they are not known to be one.</param>
internal readonly record struct DataShape(
    int Rows,
    bool HasValidationRows,
    InfomorphicNetwork? Earlier = null,
    ImageShape? Image = null
)
{
    /// <summary>What is known before data are read.</summary>
    public static DataShape Unknown { get; } = new(0, true);
}

/// <summary>
/// The rules by which options that are null are sized to the training data, each a sentence with a reason.
/// </summary>
public sealed class AutomaticSettings
{
    /// <summary>The learning rate of softmax regression on outputs between −1 and 1.</summary>
    internal const double SoftmaxLearningRate = 0.01;

    /// <summary>Its learning rate on the thousands of outputs of local fields: the sum of as many small steps is as large.</summary>
    internal const double SoftmaxLearningRateOnFields = 0.005;

    // Training goes on for at least so many steps, …
    private const int FewestSteps = 1500;

    // … and so many passes, …
    private const int FewestEpochs = 20;

    /// <summary>… but for no more than these: the largest number of epochs that is ever chosen.</summary>
    public const int MostEpochs = 200;

    private const double StepsBetweenEvaluations = 20;

    private readonly DataShape _data;

    internal AutomaticSettings(DataShape data) => _data = data;

    /// <summary>
    /// A thirtieth of the rows, to a power of two from 64 to 512: neurons estimate a distribution from a batch, and need some
    /// tens of rows for it; and an epoch of some tens of steps learns more than one of a few.
    /// </summary>
    public int BatchSize =>
        _data.Rows == 0 ? 512 : (int)Math.Clamp(Math.Pow(2, Math.Round(Math.Log2(_data.Rows / 30.0))), 64, 512);

    /// <summary>
    /// A hidden neuron for every 50 rows, but at least 100, the paper's number, and at most 300: more rows have more to say, and
    /// the time of training grows with both. Twice as many where each sees half of the features (<see cref="SubsetsOf"/>).
    /// </summary>
    public int HiddenNeurons =>
        _data.Earlier?.HiddenLayers.Count == 1
            ? _data.Earlier.HiddenLayers[0].NeuronCount
            : Math.Clamp(_data.Rows == 0 ? int.MaxValue : _data.Rows / 50, 100, 300);

    /// <summary>Hidden neurons of each random subset: as many as have something of their own to say of half of the features.</summary>
    public const int HiddenNeuronsOfSubset = 10;

    // Halves of fewer features have too few in common with others.
    private const int FewestFeaturesForSubsets = 8;

    // As many as are encoded at most.
    private const int MostFeaturesForSubsets = 1024;

    /// <summary>
    /// Random subsets of numeric features, where neurons see half of them each, in groups: what is of no use is then not in every
    /// neuron's sum, and groups come to know different things, as trees of random subspaces do (T. K. Ho, "The random subspace
    /// method for constructing decision forests", 1998). Twice as many neurons have as many weights. None for fewer than 8 features
    /// or more than 1,024, or where none has an encoding.
    /// </summary>
    /// <param name="neurons">Number of neurons that would see all features.</param>
    /// <param name="encoding">How features are encoded.</param>
    /// <returns>The subsets; null where neurons see all features.</returns>
    public static RandomSubsetSettings? SubsetsOf(int neurons, FeatureEncoding encoding)
    {
        ArgumentNullException.ThrowIfNull(encoding);
        return
            encoding.FeatureCount is < FewestFeaturesForSubsets or > MostFeaturesForSubsets
            || encoding.ComponentCount == 0
            ? null
            : new RandomSubsetSettings(
                (int)Math.Ceiling(2.0 * neurons / HiddenNeuronsOfSubset),
                (encoding.FeatureCount + 1) / 2
            );
    }

    /// <summary>
    /// Hidden neurons of each local field, where the features are an image: one for every 10,000 rows, 4 to 8. What a field has to say
    /// is less than what an image has, and neighbouring fields say some of it as well.
    /// </summary>
    public int HiddenNeuronsOfField => Math.Clamp(_data.Rows == 0 ? int.MaxValue : _data.Rows / 10_000, 4, 8);

    /// <summary>
    /// Local fields on an image, each about 35 % of its height and width, from one edge to the other: as close to each other as pixels
    /// are, but no more than 24 side by side. What is near is what belongs together in an image, and neurons with fewer inputs learn
    /// sooner; and few neurons at each of many places do better than many at each of a few.
    /// </summary>
    /// <param name="image">The image.</param>
    /// <returns>The fields; null where one of the image's sides is shorter than 7 pixels.</returns>
    public static LocalFieldSettings? FieldsOf(ImageShape image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Along(image.Height) is (int height, int down) && Along(image.Width) is (int width, int right)
            ? new LocalFieldSettings(height, width, down, right)
            : null;

        // A field's length and stride, so that fields cover the side from edge to edge.
        static (int Length, int Stride)? Along(int side)
        {
            const double Share = 0.35;
            const int ShortestField = 3;
            const int ShortestSide = 7;
            const int MostFields = 24;
            if (side < ShortestSide)
                return null;
            int length = Math.Max((int)Math.Round(Share * side), ShortestField);
            int stride = (side - length + MostFields - 2) / (MostFields - 1);
            return (length + (side - length) % stride, stride);
        }
    }

    /// <summary>The hidden layer that options leave open: its neurons, of each field where there are fields.</summary>
    /// <param name="image">The features' shape where fields may be chosen; null where they may not.</param>
    /// <returns>The neurons, the fields, and whether there may be random subsets of the features instead.</returns>
    internal (int Neurons, LocalFieldSettings? Fields, bool MayHaveSubsets) HiddenLayer(ImageShape? image)
    {
        // Gone on from, it stays as it is.
        if (_data.Earlier is InfomorphicNetwork earlier)
            return earlier.HiddenLayers is not [InfomorphicLayer { Sources: [{ Projections: [Projection only] }, ..] }]
                ? (HiddenNeurons, null, false)
                : only.Connectivity switch
                {
                    LocalFields { Grid: FieldGrid grid } fields => (
                        fields.NeuronsPerGroup,
                        new LocalFieldSettings(grid.Height, grid.Width, grid.VerticalStride, grid.HorizontalStride),
                        false
                    ),
                    SubsetConnected { NeuronsPerGroup: HiddenNeuronsOfSubset } subsets => (
                        subsets.NeuronCount / 2,
                        null,
                        true
                    ),
                    _ => (HiddenNeurons, null, false),
                };
        return image is not null && FieldsOf(image) is LocalFieldSettings chosen
            ? (HiddenNeuronsOfField, chosen, false)
            : (HiddenNeurons, null, true);
    }

    /// <summary>The shape of the features where they are an image; null where they are not known to be one.</summary>
    internal ImageShape? Image => _data.Image;

    /// <summary>
    /// Three rows' worth: 3 / rows, from 0.00001 to 0.003. Weights near 0 are what is expected before there are data, and the more
    /// rows there are, the less that counts.
    /// </summary>
    public double SoftmaxWeightDecay => Math.Clamp(3.0 / Math.Max(_data.Rows, 1), 0.00001, 0.003);

    /// <summary>
    /// What an output layer of softmax regression reads: the last hidden layer, and the features, so that what is a straight line
    /// in them needs no neuron.
    /// </summary>
    /// <param name="hiddenLayers">Number of hidden layers.</param>
    /// <returns>What it reads; null for what output layers read in general.</returns>
    internal IReadOnlyList<Signal>? OutputInputs(int hiddenLayers) =>
        _data.Earlier is InfomorphicNetwork earlier
            ? [.. earlier.OutputLayer.Sources[0].Projections.Select(projection => projection.Signal)]
        : hiddenLayers > 0 ? [Signal.Features, Signal.Layer(hiddenLayers - 1)]
        : null;

    /// <summary>Whether the output layer learns by softmax regression: unless the model that is gone on from does not.</summary>
    internal bool IsSoftmax => _data.Earlier is null || _data.Earlier.OutputLayer.Goal is null;

    /// <summary>
    /// A fifth of the training rows, but no more than 5,000, which decide as well as more; none below 40 rows, where a fifth
    /// decides nothing.
    /// </summary>
    public double ValidationFraction =>
        _data.HasValidationRows || _data.Rows < 40 ? 0 : Math.Min(0.2, 5000.0 / _data.Rows);

    /// <summary>
    /// Whether held-out rows are learned from at the end: yes, for small data need all their rows; but not where learning rates have
    /// fallen already, which leaves nothing to learn with.
    /// </summary>
    /// <param name="schedule">How learning rates change from epoch to epoch.</param>
    /// <returns>Whether they are.</returns>
    public static bool LearnsHeldOutRows(LearningRateSchedule schedule) => schedule == LearningRateSchedule.Constant;

    /// <summary>
    /// A tenth of the bound of fresh weights, which is 1/√inputs: neurons with more inputs move as far by smaller steps of each
    /// weight. From 0.002, the paper's, to 0.01.
    /// </summary>
    /// <param name="inputs">Number of inputs of a neuron, at least 1.</param>
    /// <returns>The learning rate.</returns>
    public static double LearningRate(int inputs) => Math.Clamp(0.1 / Math.Sqrt(inputs), 0.002, 0.01);

    /// <summary>
    /// As many as make 1,500 steps: what neurons learn is a matter of steps, and small data are passed through more often.
    /// But at least 20 epochs and at most 200, as more of the same rows are learned by heart.
    /// </summary>
    /// <param name="batchSize">Rows of a step.</param>
    /// <param name="validationFraction">The share of the rows that is not learned from.</param>
    /// <returns>The number of epochs.</returns>
    public int Epochs(int batchSize, double validationFraction) =>
        Math.Clamp(
            (int)Math.Ceiling(FewestSteps / StepsPerEpoch(batchSize, validationFraction)),
            FewestEpochs,
            MostEpochs
        );

    /// <summary>A fifth of the epochs, where there are validation rows: neurons learn in bursts, and pauses are shorter.</summary>
    /// <param name="batchSize">Rows of a step.</param>
    /// <param name="validationFraction">The share of the rows that is not learned from.</param>
    /// <returns>The number of epochs without progress; null where nothing measures it.</returns>
    public int? EarlyStoppingRounds(int batchSize, double validationFraction) =>
        HasValidationRows(validationFraction) ? Math.Max(Epochs(batchSize, validationFraction) / 5, 5) : null;

    /// <summary>As many epochs as hold 20 steps: an evaluation is then a small part of the time.</summary>
    internal int EpochsPerEvaluation(int batchSize, double validationFraction) =>
        (int)Math.Ceiling(StepsBetweenEvaluations / StepsPerEpoch(batchSize, validationFraction));

    internal bool HasValidationRows(double validationFraction) => _data.HasValidationRows || validationFraction > 0;

    private double StepsPerEpoch(int batchSize, double validationFraction) =>
        _data.Rows == 0
            ? StepsBetweenEvaluations
            : Math.Max(1, Math.Ceiling(_data.Rows * (1 - validationFraction) / batchSize));
}
