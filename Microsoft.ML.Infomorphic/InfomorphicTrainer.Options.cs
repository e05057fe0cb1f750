using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Microsoft.ML.Infomorphic;

#pragma warning disable CA1051 // Options are public fields everywhere in ML.NET.
public sealed partial class InfomorphicTrainer
{
    /// <summary>
    /// The options of an <see cref="InfomorphicTrainer"/>. Those that are null are sized to the data by the rules of
    /// <see cref="AutomaticSettings"/>, and the log says what was chosen; a value that is set wins. The settings of
    /// arXiv 2412.02482 are those of <see cref="Paper"/>.
    /// </summary>
    public sealed class Options : TrainerInputBaseWithWeight
    {
        internal static class Defaults
        {
            internal const int NumberOfHiddenNeurons = 100;
            internal const string Goal = "auto";
            internal const string OutputGoal = "auto";
            internal const int NumberOfNetworks = 1;
            internal const int MaximumLateralConnections = 100;
            internal const int NumberOfBins = 20;
            internal const double BinningRange = 20;
            internal const double Alpha = 0.1;
            internal const double Beta = 2;
            internal const double BivariateK = 0.9;
            internal const double BivariateBeta = 2;
            internal const double FirstMomentDecay = 0.9;
            internal const double SecondMomentDecay = 0.999;
            internal const double Epsilon = 1e-8;
            internal const double WeightDecay = 0.00035;
            internal const int NumberOfScoringSamples = 16;
            internal const bool CalibrateScores = true;
            internal const bool LocalFieldsOnImages = true;
        }

        /// <summary>
        /// What lies between the features and the output layer: infomorphic neurons; a fixed random projection (as many
        /// neurons, with outputs 0 and 1, that never learn); or nothing.
        /// </summary>
        public HiddenLayerKind HiddenLayer = HiddenLayerKind.Infomorphic;

        /// <summary>
        /// The context C of a hidden neuron: the label, which is withheld when rows are scored; the output layer's outputs
        /// of the presentation before, in training and in scoring (the paper's setup 3); or none.
        /// </summary>
        public ContextSignal Context = ContextSignal.Label;

        /// <summary>
        /// Whether hidden neurons listen to each other. Each row is presented more than once where they do, or where
        /// <see cref="Context"/> is feedback: what they hear is what was put out in the presentation before. How often is up to
        /// <see cref="NumberOfPresentations"/>.
        /// </summary>
        public bool LateralInput = true;

        /// <summary>
        /// How often a row is presented, in training and in scoring, 2 to 16, where hidden neurons listen to each other
        /// (<see cref="LateralInput"/>) or to the output layer (<see cref="Context"/> is feedback); 1 where they do neither.
        /// In the first presentation they hear nothing, in each other one what was put out in the one before. The last
        /// is learned from, and scores come from it. Null is the paper's number: 2, or 1.
        /// </summary>
        public int? NumberOfPresentations;

        /// <summary>
        /// The number of hidden neurons N, at least 1; null for a number that suits the data
        /// (<see cref="AutomaticSettings.HiddenNeurons"/>), which then see random halves of the features where these are a table
        /// of numbers (<see cref="AutomaticSettings.SubsetsOf"/>), or fields of an image. Not used where there is no hidden layer.
        /// </summary>
        public int? NumberOfHiddenNeurons;

        /// <summary>
        /// The goal of the hidden neurons over their sources, which are feedforward input F, context C unless
        /// <see cref="Context"/> is none, and lateral input L where there is <see cref="LateralInput"/>: in the paper's
        /// notation, such as "0.33{F}{C}{L} + {F}{C} - {F}{L} - {FC}{FL}", or the name of a published goal of
        /// <see cref="GoalFunctions"/>. "auto" is the goal of the paper's results: "opt_1_100_tpe" over F, C and L,
        /// "context/opt_2_100" over F and C, "lateral/opt_2_100" over F and L.
        /// </summary>
        public string Goal = Defaults.Goal;

        /// <summary>
        /// How the output layer learns. Null for softmax regression or, where <see cref="OutputGoal"/> is set, for that goal.
        /// </summary>
        public OutputLayerKind? OutputLayer;

        /// <summary>
        /// The goal of infomorphic output neurons over feedforward input F and context C: in the paper's notation, or the name
        /// of a published goal. "auto" is the paper's, "output".
        /// </summary>
        public string OutputGoal = Defaults.OutputGoal;

        /// <summary>
        /// The hidden layers, from the features up, each with options of its own. Null for the one that the other options
        /// describe; those of one layer keep their defaults where there is a list.
        /// </summary>
        public IReadOnlyList<HiddenLayerOptions>? HiddenLayers;

        /// <summary>
        /// What the output layer reads: <see cref="Signal.Features"/> and hidden layers, by their place from 0
        /// (<see cref="Signal.Layer"/>). Null for the last hidden layer and, in softmax regression or where there is none, the
        /// features.
        /// </summary>
        public IReadOnlyList<Signal>? OutputLayerInputs;

        /// <summary>Whether layers are trained together, or one after another from the bottom up.</summary>
        public LayerOrder LayerOrder = LayerOrder.Together;

        /// <summary>
        /// The shape of the features where they are an image and local fields need it. Null for the feature column's own
        /// dimensions, which ML.NET's <c>ExtractPixels</c> gives it.
        /// </summary>
        public ImageShape? Image;

        /// <summary>
        /// Whether the hidden layer has local fields where the features are an image (<see cref="Image"/>, or the feature column's
        /// own dimensions) and neither <see cref="HiddenLayers"/> nor <see cref="NumberOfHiddenNeurons"/> say what it is
        /// (<see cref="AutomaticSettings.FieldsOf"/>). Otherwise every neuron sees all features.
        /// </summary>
        public bool LocalFieldsOnImages = Defaults.LocalFieldsOnImages;

        /// <summary>
        /// How the images of training rows are changed, anew in each epoch: moved, turned, zoomed, mirrored. Null where they are
        /// learned from as they are. Needs features of an image's shape.
        /// </summary>
        public ImageAugmentation? Augmentation;

        /// <summary>
        /// The number of networks of the model, at least 1, with initial weights, drawn connections and samples of their own;
        /// scores are the mean of their probabilities.
        /// </summary>
        /// <remarks>
        /// Each network holds out validation rows of its own, so that together they learn from all; where there are validation
        /// data, or no validation rows, they are trained on the same batches as one wide network. Each network stops and keeps its
        /// best epoch by itself, and is calibrated by itself. Training takes about as many times as long, and so does scoring. The
        /// first network is the one that there would be without the others.
        /// </remarks>
        public int NumberOfNetworks = Defaults.NumberOfNetworks;

        /// <summary>
        /// The number of passes over the training rows, at least 1: in each stage, where layers are trained one after another.
        /// Null for as many as the data need (<see cref="AutomaticSettings.Epochs"/>).
        /// </summary>
        public int? NumberOfEpochs;

        /// <summary>
        /// The number of rows in a training step, at least 2; the last step of an epoch may see fewer. Null for a number that
        /// suits the data (<see cref="AutomaticSettings.BatchSize"/>).
        /// </summary>
        public int? BatchSize;

        /// <summary>
        /// The share of the training rows, from 0 to less than 1, that is not learned from but decides which epoch is kept and
        /// calibrates the scores: drawn by the seed, of each class its share. 0 learns from all; null for a share that suits
        /// their number (<see cref="AutomaticSettings.ValidationFraction"/>). Where there are validation data it has no effect.
        /// </summary>
        public double? ValidationFraction;

        /// <summary>
        /// Whether the rows that <see cref="ValidationFraction"/> holds out are learned from as well at the end, from the kept
        /// epoch on and with learning rates that fall to 0. Null: where learning rates are constant until then (<see cref="AutomaticSettings.LearnsHeldOutRows"/>). It has no effect where no rows are held out.
        /// </summary>
        public bool? LearnHeldOutRows;

        /// <summary>
        /// The largest number of lateral connections of a hidden neuron, 1 to N; null is 100, or all where there are
        /// fewer others. N − 1 and N connect all to all, and so does <see cref="int.MaxValue"/>, whatever N is. The
        /// paper's setup 1 does so, its setup 2 has 100, and so has its setup 3.
        /// </summary>
        public int? MaximumLateralConnections;

        /// <summary>The number of bins of each source of a hidden neuron, 2 to 64.</summary>
        public int NumberOfBins = Defaults.NumberOfBins;

        /// <summary>
        /// Whether the bins of a hidden neuron's sources cover a fixed range, or adapt to the largest magnitude that the source
        /// has in the batch.
        /// </summary>
        /// <remarks>
        /// Fixed is the paper's choice for neurons with three sources (table 1), and reproduces its accuracies of neurons with
        /// two (figure 8) as well. The authors' published configuration has adaptive bins for the latter, with which networks
        /// of 100 neurons end up to two points lower on MNIST.
        /// </remarks>
        public BinningKind Binning = BinningKind.Fixed;

        /// <summary>R: fixed bins of a hidden neuron's sources cover (−R, R); positive.</summary>
        public double BinningRange = Defaults.BinningRange;

        /// <summary>α₁: the share of a hidden neuron's drive that the context modulates; at most 10⁶ in magnitude.</summary>
        public double Alpha1 = Defaults.Alpha;

        /// <summary>α₂: the share of a hidden neuron's drive that the lateral input modulates; at most 10⁶ in magnitude.</summary>
        public double Alpha2 = Defaults.Alpha;

        /// <summary>β₁: the steepness of the modulation by the context; at most 10⁶ in magnitude.</summary>
        public double Beta1 = Defaults.Beta;

        /// <summary>β₂: the steepness of the modulation by the lateral input; at most 10⁶ in magnitude.</summary>
        public double Beta2 = Defaults.Beta;

        /// <summary>
        /// k: the share of the drive that is not modulated, of hidden neurons with context or lateral input but not both;
        /// at most 10⁶ in magnitude.
        /// </summary>
        public double BivariateK = Defaults.BivariateK;

        /// <summary>β: the steepness of the modulation of such hidden neurons; at most 10⁶ in magnitude.</summary>
        public double BivariateBeta = Defaults.BivariateBeta;

        /// <summary>
        /// The hidden neurons' learning rate, positive, of layers that do not say their own; null for one that suits the number
        /// of their inputs (<see cref="AutomaticSettings.LearningRate"/>).
        /// </summary>
        public double? LearningRate;

        /// <summary>
        /// How the learning rates of all layers change from epoch to epoch; null for a constant rate, and for one that falls
        /// (<see cref="Training.LearningRateSchedule.Cosine"/>) where local fields were chosen for an image.
        /// </summary>
        public LearningRateSchedule? LearningRateSchedule;

        /// <summary>The hidden neurons' L2 weight decay, not negative.</summary>
        public double WeightDecay = Defaults.WeightDecay;

        /// <summary>The output neurons' learning rate, positive; null for 0.01 in softmax regression, else for the paper's 0.003.</summary>
        public double? OutputLearningRate;

        /// <summary>
        /// The output neurons' L2 weight decay, not negative; null for one that suits the data in softmax
        /// regression (<see cref="AutomaticSettings.SoftmaxWeightDecay"/>), else for the paper's 0.00015.
        /// </summary>
        public double? OutputWeightDecay;

        /// <summary>The decay of the first moment in the hidden neurons' optimiser, Adam; at least 0 and less than 1.</summary>
        public double FirstMomentDecay = Defaults.FirstMomentDecay;

        /// <summary>The decay of the second moment in the hidden neurons' optimiser; at least 0 and less than 1.</summary>
        public double SecondMomentDecay = Defaults.SecondMomentDecay;

        /// <summary>ε: added to the root of the second moment in the hidden neurons' optimiser; positive.</summary>
        public double Epsilon = Defaults.Epsilon;

        /// <summary>The decay of the first moment in the output neurons' optimiser; at least 0 and less than 1.</summary>
        public double OutputFirstMomentDecay = Defaults.FirstMomentDecay;

        /// <summary>The decay of the second moment in the output neurons' optimiser; at least 0 and less than 1.</summary>
        public double OutputSecondMomentDecay = Defaults.SecondMomentDecay;

        /// <summary>ε: added to the root of the second moment in the output neurons' optimiser; positive.</summary>
        public double OutputEpsilon = Defaults.Epsilon;

        /// <summary>
        /// Whether rows count as they are, or those of each class as much as those of any other, so that rare classes are
        /// predicted as readily as frequent ones. It multiplies the weights of rows.
        /// </summary>
        /// <remarks>
        /// Class weights, these and those of <see cref="ClassWeights"/>, count wherever rows do: in learning, in standardising and
        /// encoding features, in choosing the epoch and in calibration. Scores are then the probabilities that classes would
        /// have among rows of such weights, not those among the training rows.
        /// </remarks>
        public ClassWeighting ClassWeighting = ClassWeighting.None;

        /// <summary>
        /// What the weights of the rows of each class are multiplied by, from 10⁻⁶ to 10⁶, by the class's label; as a number from
        /// 1 where the label column does not say what its keys stand for. Classes that are not named have 1. Only the numbers'
        /// ratios matter. Null for none.
        /// </summary>
        public IReadOnlyDictionary<string, double>? ClassWeights;

        /// <summary>How features are standardised before training. The standardisation becomes part of the model.</summary>
        public Standardization Standardization = Standardization.Auto;

        /// <summary>
        /// Which features get a piecewise linear encoding beside themselves, fitted on the training rows and saved with the
        /// model. A neuron then responds to such a feature by a curve and not by a straight line. Knots are the quantiles at 16
        /// equal steps, at fewer where there are more than 256 such features.
        /// </summary>
        public FeatureEncodingKind Encoding = FeatureEncodingKind.Auto;

        /// <summary>
        /// Whether rows with missing features (NaN) are skipped in training and score NaN, or are learned from and scored.
        /// Rows with infinite features are skipped always.
        /// </summary>
        public MissingValues MissingValues = MissingValues.Skip;

        /// <summary>
        /// Training stops when the validation log-loss has not improved for so many epochs, at least 1, since learning began.
        /// Null never stops early, unless <see cref="NumberOfEpochs"/> is null as well. Needs validation rows: data of their own,
        /// or a <see cref="ValidationFraction"/>.
        /// </summary>
        public int? EarlyStoppingRounds;

        /// <summary>
        /// Whether the model has the weights of the epoch with the least validation log-loss, not those of the last one. Null
        /// where there are validation rows. Needs them: data of their own, or a <see cref="ValidationFraction"/>.
        /// </summary>
        public bool? RestoreBestEpoch;

        /// <summary>
        /// Whether the model keeps the state of the optimiser (the weights as they are in training and two moments of each, about
        /// four times the size of the file), so that a training that goes on from it is as if it had not ended. Otherwise each
        /// <c>Fit</c> begins with a fresh optimiser. Layers that are trained one after another have an optimiser each, and keep none.
        /// </summary>
        public bool KeepOptimizerState;

        /// <summary>What a hidden neuron passes on when a row is scored. It can be changed without training again.</summary>
        public ScoringMode Scoring = ScoringMode.MeanField;

        /// <summary>Samples to average over when rows are scored by sampling, 1 to 10,000.</summary>
        public int NumberOfScoringSamples = Defaults.NumberOfScoringSamples;

        /// <summary>
        /// Whether scores are calibrated: a number, or two a class where output neurons are infomorphic and each learns by itself,
        /// fitted after training on the validation rows, or on training
        /// rows where there are none, make probabilities as frequent as they say. Without it the predicted class is that of
        /// the output neuron most likely to fire, as in the paper.
        /// </summary>
        public bool CalibrateScores = Defaults.CalibrateScores;

        /// <summary>
        /// Where to train: "cpu", "cuda" (the first CUDA device), "cuda:1" (the second), or "auto": then
        /// <see cref="MLContext.GpuDeviceId"/> decides (null: the CPU), and where that device is not there
        /// <see cref="MLContext.FallbackToCpu"/> says whether the CPU will do.
        /// </summary>
        public string Device = DeviceChoice.Auto;

        /// <summary>
        /// Everything random follows from this number; where it is null, from a number drawn once from the
        /// <see cref="MLContext"/>, which is reproducible where the context has a seed.
        /// </summary>
        public int? Seed;

        /// <summary>
        /// The number of threads to train with, 1 to 1,024; null for as many as the machine has processors. The model
        /// does not depend on it.
        /// </summary>
        public int? NumberOfThreads;

        /// <summary>
        /// The memory, in MiB and at least 1, that training may take for its rows, its network and its batches; null for
        /// no limit. The data view's own buffers, ML.NET and libtorch come on top, and so does what a network takes that
        /// needs more than half of it.
        /// </summary>
        /// <remarks>
        /// <para>
        /// Rows that fit are read once and kept. Others are streamed: training keeps blocks of rows, and reads the data
        /// view once for each of them, taking those rows out of it that the epoch's random order puts there. So an epoch
        /// takes about as many readings as the data is larger than the budget, the order reaches over all rows, and the
        /// model is the one that would have been trained without a limit.
        /// </para>
        /// <para>
        /// Where that would be more than 8 readings, and rows of one class do not come together in the view, each of 8
        /// readings takes a random part of the rows and shuffles it block by block: the order then reaches over as many
        /// neighbouring rows as 8 blocks hold. The log says so. A view that is sorted otherwise, by time for instance,
        /// should then be shuffled before.
        /// </para>
        /// <para>
        /// Streaming needs a view that gives the same rows in the same order each time. Readings cost least where the
        /// view does little for a row whose features are not asked for.
        /// Validation rows are kept or streamed likewise.
        /// </para>
        /// </remarks>
        public int? MemoryBudget;

        /// <summary>
        /// Called after every epoch that is evaluated, on the thread that trains; for a progress display. Epochs of fewer than
        /// 20 steps are evaluated several at a time where <see cref="NumberOfEpochs"/> is null. Of several networks the first is
        /// reported. Null for nothing. An exception that it throws ends the training.
        /// </summary>
        public Action<EpochRecord>? EpochEnded;

        /// <summary>
        /// Called after every epoch that is evaluated, after <see cref="EpochEnded"/> and on the same thread, with the history so
        /// far and the network as it is: for a report that follows the training, event files, a copy for a trial. Training goes on
        /// when it returns. Of several networks the first is shown. Null for nothing. An exception that it throws ends the training.
        /// </summary>
        public Action<TrainingCheckpoint>? CheckpointReached;

        /// <summary>
        /// Ends training before its next step when it is cancelled; <c>Fit</c> then throws
        /// <see cref="OperationCanceledException"/> and leaves nothing behind. Scoring does not heed it.
        /// </summary>
        public CancellationToken CancellationToken;

        /// <summary>
        /// The settings of arXiv 2412.02482, table 1 and appendix A.10: 100 hidden neurons, 100 epochs of batches of 1,024 rows,
        /// an infomorphic output layer, features as they are, no validation rows.
        /// </summary>
        /// <returns>New options.</returns>
        public static Options Paper() =>
            new()
            {
                OutputLayer = OutputLayerKind.Infomorphic,
                NumberOfHiddenNeurons = Defaults.NumberOfHiddenNeurons,
                NumberOfEpochs = 100,
                BatchSize = 1024,
                LearningRate = 0.002,
                OutputLearningRate = 0.003,
                OutputWeightDecay = 0.00015,
                ValidationFraction = 0,
                RestoreBestEpoch = false,
                Encoding = FeatureEncodingKind.None,
            };

        /// <summary>Checks the options and turns them into settings.</summary>
        /// <param name="host">Marks exceptions.</param>
        /// <param name="seed">The seed where the options have none.</param>
        /// <param name="data">The data that what is null is sized to; null for what is known before they are read.</param>
        /// <exception cref="ArgumentOutOfRangeException">
        /// An option is out of its range, a goal does not parse, or options contradict each other.
        /// </exception>
        internal TrainingSettings ToTrainingSettings(IExceptionContext host, int seed, DataShape? data = null) =>
            new SettingsReader(this, host, new AutomaticSettings(data ?? DataShape.Unknown)).Read(seed);

        /// <summary>Options that later changes to these have no effect on.</summary>
        internal Options Copy()
        {
            var copy = (Options)MemberwiseClone();
            copy.HiddenLayers = HiddenLayers is null
                ? null
                : [.. HiddenLayers.Select(layer => layer is null ? layer! : layer.Copy())];
            copy.OutputLayerInputs = OutputLayerInputs is null ? null : [.. OutputLayerInputs];
            copy.ClassWeights = ClassWeights is null
                ? null
                : new SortedDictionary<string, double>(ClassWeights.ToDictionary(), StringComparer.Ordinal);
            return copy;
        }

        /// <summary>What of the options has no effect and might be a mistake: a sentence for each.</summary>
        /// <param name="settings">What they were read into.</param>
        internal IEnumerable<string> WithoutEffect(TrainingSettings settings) =>
            SettingsReader.WithoutEffect(this, settings);
    }
}
