using System.Globalization;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic;

public sealed partial class InfomorphicTrainer
{
    /// <summary>Checks options and turns them into settings.</summary>
    /// <param name="options">The options.</param>
    /// <param name="host">Marks exceptions.</param>
    /// <param name="automatic">What options that are null are.</param>
    private sealed class SettingsReader(Options options, IExceptionContext host, AutomaticSettings automatic)
    {
        private static readonly string[] s_hiddenSources = ["FCL", "FC", "FL"];

        // The options of one hidden layer, as they are with and without a list of layers.
        private static readonly (string Name, Func<Options, object?> Value)[] s_ofOneLayer =
        [
            (nameof(Options.HiddenLayer), of => of.HiddenLayer),
            (nameof(Options.Context), of => of.Context),
            (nameof(Options.LateralInput), of => of.LateralInput),
            (nameof(Options.NumberOfHiddenNeurons), of => of.NumberOfHiddenNeurons),
            (nameof(Options.Goal), of => of.Goal),
            (nameof(Options.MaximumLateralConnections), of => of.MaximumLateralConnections),
            (nameof(Options.NumberOfBins), of => of.NumberOfBins),
            (nameof(Options.Binning), of => of.Binning),
            (nameof(Options.BinningRange), of => of.BinningRange),
            (nameof(Options.Alpha1), of => of.Alpha1),
            (nameof(Options.Alpha2), of => of.Alpha2),
            (nameof(Options.Beta1), of => of.Beta1),
            (nameof(Options.Beta2), of => of.Beta2),
            (nameof(Options.BivariateK), of => of.BivariateK),
            (nameof(Options.BivariateBeta), of => of.BivariateBeta),
            (nameof(Options.WeightDecay), of => of.WeightDecay),
            (nameof(Options.FirstMomentDecay), of => of.FirstMomentDecay),
            (nameof(Options.SecondMomentDecay), of => of.SecondMomentDecay),
            (nameof(Options.Epsilon), of => of.Epsilon),
        ];

        // Single precision is what everything is computed in, and these leave room for squares of small numbers to be summed.
        private const double SmallestNumber = 1e-30;
        private const double LargestNumber = 1e30;

        // Of what sums are multiplied by; a goal or an activation of larger ones is none that could be learned with.
        private const double LargestFactor = 1e6;

        /// <summary>What of the options has no effect and might be a mistake: a sentence for each.</summary>
        /// <param name="options">The options.</param>
        /// <param name="settings">What they were read into.</param>
        public static IEnumerable<string> WithoutEffect(Options options, TrainingSettings settings)
        {
            if (options.HiddenLayers is null && options.HiddenLayer != HiddenLayerKind.Infomorphic)
            {
                var defaults = new Options();
                foreach ((string name, Func<Options, object?> value) in s_ofOneLayer)
                {
                    bool isUsed = name switch
                    {
                        nameof(options.NumberOfHiddenNeurons) => options.HiddenLayer == HiddenLayerKind.Random,
                        nameof(options.HiddenLayer) => true,
                        nameof(options.Context) or nameof(options.LateralInput) => true, // as good as there not being any
                        _ => false,
                    };
                    if (!isUsed && !Equals(value(options), value(defaults)))
                        yield return string.Create(
                            CultureInfo.InvariantCulture,
                            $"{name} is {value(options)} and has no effect: {nameof(options.HiddenLayer)} is {options.HiddenLayer}"
                        );
                }
            }

            for (int i = 0; i < settings.HiddenLayers.Count; i++)
                if (IsZero(settings.HiddenLayers[i].Goal))
                    yield return NothingToLearn(
                        options.HiddenLayers is null
                            ? nameof(options.Goal)
                            : string.Create(
                                CultureInfo.InvariantCulture,
                                $"{nameof(options.HiddenLayers)}[{i}].{nameof(options.Goal)}"
                            )
                    );
            if (IsZero(settings.Output.Goal))
                yield return NothingToLearn(nameof(options.OutputGoal));

            static bool IsZero(GoalFunction? goal) =>
                goal is not null && goal.Gamma.All(coefficient => coefficient == 0);

            static string NothingToLearn(string option) =>
                $"{option} has coefficients of 0 alone: the neurons have nothing to learn";
        }

        public TrainingSettings Read(int seed)
        {
            CheckRanges();
            LayerSettings[] hidden = options.HiddenLayers is null ? ReadShortForm() : ReadList(options.HiddenLayers);
            bool isRecurrent = hidden.Any(layer =>
                layer.LateralConnections is not null || layer.Context is { Kind: SignalKind.Layer }
            );
            CheckPresentations(isRecurrent);
            bool isSoftmax =
                (
                    options.OutputLayer
                    ?? (
                        options.OutputGoal == Options.Defaults.OutputGoal && automatic.IsSoftmax
                            ? OutputLayerKind.Softmax
                            : OutputLayerKind.Infomorphic
                    )
                ) == OutputLayerKind.Softmax;
            Check(
                !isSoftmax || options.OutputGoal == Options.Defaults.OutputGoal,
                nameof(options.OutputGoal),
                $"is for infomorphic output neurons, and {nameof(options.OutputLayer)} is {options.OutputLayer}."
            );
            int batchSize = options.BatchSize ?? automatic.BatchSize;
            LearningRateSchedule schedule =
                options.LearningRateSchedule
                ?? (ChoosesFields(hidden) ? LearningRateSchedule.Cosine : LearningRateSchedule.Constant);
            double fraction = options.ValidationFraction ?? automatic.ValidationFraction;
            var settings = new TrainingSettings
            {
                HiddenLayers = hidden,
                Output = new OutputLayerSettings
                {
                    Inputs = options.OutputLayerInputs ?? (isSoftmax ? automatic.OutputInputs(hidden.Length) : null),
                    Goal =
                        isSoftmax ? null
                        : options.OutputGoal == Options.Defaults.OutputGoal ? GoalFunctions.Output
                        : ParseGoal(options.OutputGoal, "FC", nameof(options.OutputGoal), ""),
                    Optimizer = new AdamSettings(
                        options.OutputLearningRate
                            ?? (
                                !isSoftmax ? 0.003
                                : ChoosesFields(hidden) ? AutomaticSettings.SoftmaxLearningRateOnFields
                                : AutomaticSettings.SoftmaxLearningRate
                            ),
                        options.OutputWeightDecay ?? (isSoftmax ? automatic.SoftmaxWeightDecay : 0.00015),
                        options.OutputFirstMomentDecay,
                        options.OutputSecondMomentDecay,
                        options.OutputEpsilon
                    ),
                },
                Order = options.LayerOrder,
                Image = options.Image,
                Augmentation = options.Augmentation,
                Presentations = Math.Max(options.NumberOfPresentations ?? 0, 2),
                Epochs = options.NumberOfEpochs ?? automatic.Epochs(batchSize, fraction),
                EpochsPerEvaluation = options.NumberOfEpochs is null
                    ? automatic.EpochsPerEvaluation(batchSize, fraction)
                    : 1,
                LearningRateSchedule = schedule,
                BatchSize = batchSize,
                Standardization = options.Standardization,
                Encoding = options.Encoding,
                MissingValues = options.MissingValues,
                ValidationFraction = fraction,
                LearnsHeldOutRows =
                    fraction > 0 && (options.LearnHeldOutRows ?? AutomaticSettings.LearnsHeldOutRows(schedule)),
                EarlyStoppingRounds =
                    options.EarlyStoppingRounds
                    ?? (options.NumberOfEpochs is null ? automatic.EarlyStoppingRounds(batchSize, fraction) : null),
                RestoreBestEpoch = options.RestoreBestEpoch ?? automatic.HasValidationRows(fraction),
                KeepsOptimizerState = options.KeepOptimizerState,
                Networks = options.NumberOfNetworks,
                Seed = (uint)(options.Seed ?? seed),
                Threads = options.NumberOfThreads,
            };
            try
            {
                settings.Validate();
            }
            catch (ArgumentException exception)
            {
                string name = exception.ParamName switch
                {
                    nameof(settings.Output) => nameof(options.OutputLayerInputs),
                    nameof(settings.Order) => nameof(options.LayerOrder),
                    nameof(settings.KeepsOptimizerState) => nameof(options.KeepOptimizerState),
                    nameof(settings.Image) => nameof(options.Image),
                    nameof(settings.Augmentation) => nameof(options.Augmentation),
                    _ => nameof(options.HiddenLayers),
                };

                // .NET adds the parameter's name to the message.
                string message = exception.Message.Split(" (Parameter '")[0];
                throw host.ExceptUserArg(name, $"{name}: {message}");
            }

            return settings;
        }

        // The one layer, or none, that the options of one layer describe.
        private LayerSettings[] ReadShortForm()
        {
            switch (options.HiddenLayer)
            {
                case HiddenLayerKind.None:
                    CheckLearns();
                    return [];
                case HiddenLayerKind.Random:
                    CheckLearns();
                    break;
            }

            (int neurons, LocalFieldSettings? fields, bool mayHaveSubsets) = options.NumberOfHiddenNeurons is int number
                ? (number, null, false)
                : automatic.HiddenLayer(MayHaveFields ? options.Image ?? automatic.Image : null);
            return
            [
                ReadLayer(
                    new HiddenLayerOptions
                    {
                        NumberOfNeurons = neurons,
                        Connections = fields,
                        Learns = options.HiddenLayer == HiddenLayerKind.Infomorphic,
                        Context = options.Context,
                        LateralInput = options.LateralInput,
                        MaximumLateralConnections = options.MaximumLateralConnections,
                        Goal = options.Goal,
                        NumberOfBins = options.NumberOfBins,
                        Binning = options.Binning,
                        BinningRange = options.BinningRange,
                        Alpha1 = options.Alpha1,
                        Alpha2 = options.Alpha2,
                        Beta1 = options.Beta1,
                        Beta2 = options.Beta2,
                        BivariateK = options.BivariateK,
                        BivariateBeta = options.BivariateBeta,
                        LearningRate = options.LearningRate,
                        WeightDecay = options.WeightDecay,
                        FirstMomentDecay = options.FirstMomentDecay,
                        SecondMomentDecay = options.SecondMomentDecay,
                        Epsilon = options.Epsilon,
                    },
                    index: 0,
                    count: 1,
                    prefix: "",
                    neurons: nameof(options.NumberOfHiddenNeurons)
                ) with
                {
                    HasAutomaticConnections = mayHaveSubsets && options.HiddenLayer == HiddenLayerKind.Infomorphic,
                },
            ];
        }

        private LayerSettings[] ReadList(IReadOnlyList<HiddenLayerOptions> layers)
        {
            var defaults = new Options();
            var paper = Options.Paper();
            foreach ((string name, Func<Options, object?> value) in s_ofOneLayer)
                Check(
                    Equals(value(options), value(defaults)) || Equals(value(options), value(paper)),
                    name,
                    $"is for a network of one hidden layer, and {nameof(options.HiddenLayers)} has the layers: set it there."
                );
            for (int i = 0; i < layers.Count; i++)
                Check(layers[i] is not null, $"{nameof(options.HiddenLayers)}[{i}]", "is null.");
            return
            [
                .. layers.Select(
                    (layer, i) =>
                        ReadLayer(
                            layer,
                            i,
                            layers.Count,
                            $"{nameof(options.HiddenLayers)}[{i}].",
                            nameof(HiddenLayerOptions.NumberOfNeurons)
                        )
                ),
            ];
        }

        // Neurons that see a part of the features need them as they are.
        private bool MayHaveFields =>
            options.LocalFieldsOnImages
            && options.HiddenLayer == HiddenLayerKind.Infomorphic
            && options.Encoding != FeatureEncodingKind.PiecewiseLinear
            && options.MissingValues != MissingValues.Indicate;

        private bool ChoosesFields(LayerSettings[] hidden) =>
            options.HiddenLayers is null && hidden is [{ Connections: LocalFieldSettings }];

        // Options that neurons which do not learn have no use for.
        private void CheckLearns()
        {
            Check(
                options.Context is ContextSignal.Label or ContextSignal.None,
                nameof(options.Context),
                $"is {options.Context}, which hidden neurons hear that learn, and {nameof(options.HiddenLayer)} is {options.HiddenLayer}."
            );
            Check(
                options.Goal == Options.Defaults.Goal,
                nameof(options.Goal),
                $"is for hidden neurons that learn, and {nameof(options.HiddenLayer)} is {options.HiddenLayer}."
            );
        }

        private LayerSettings ReadLayer(HiddenLayerOptions layer, int index, int count, string prefix, string neurons)
        {
            CheckRanges(layer, prefix, neurons);
            if (!layer.Learns)
                return LayerSettings.RandomProjection(layer.NumberOfNeurons) with
                {
                    Inputs = layer.Inputs,
                    Connections = layer.Connections,
                };
            Check(
                layer.Context != ContextSignal.None || layer.LateralInput,
                prefix + nameof(layer.Context),
                $"is None and {nameof(layer.LateralInput)} is false, and hidden neurons that learn need one of them."
            );
            string sources = "F" + (layer.Context == ContextSignal.None ? "" : "C") + (layer.LateralInput ? "L" : "");
            bool isBivariate = sources.Length == 2;
            CheckUse(layer, isBivariate, prefix, neurons);
            return new LayerSettings
            {
                Neurons = layer.NumberOfNeurons,
                Inputs = layer.Inputs,
                Connections = layer.Connections,
                Context = layer.Context switch
                {
                    ContextSignal.Label => Signal.Label,
                    ContextSignal.Feedback => Signal.Layer(count),
                    ContextSignal.LayerAbove => Signal.Layer(index + 1),
                    _ => null,
                },
                LateralConnections = layer.LateralInput
                    ? layer.MaximumLateralConnections ?? Options.Defaults.MaximumLateralConnections
                    : null,
                Goal = HiddenGoal(layer, sources, prefix),
                Activation = isBivariate
                    ? new BivariateActivation(layer.BivariateK, layer.BivariateBeta)
                    : new ModulatedActivation(layer.Alpha1, layer.Alpha2, layer.Beta1, layer.Beta2),
                Binning =
                    layer.Binning == BinningKind.Adaptive
                        ? new Binning(layer.NumberOfBins, 1, Adaptive: true)
                        : new Binning(layer.NumberOfBins, layer.BinningRange),
                Optimizer = new AdamSettings(
                    layer.LearningRate ?? options.LearningRate ?? AutomaticSettings.LearningRate(1),
                    layer.WeightDecay,
                    layer.FirstMomentDecay,
                    layer.SecondMomentDecay,
                    layer.Epsilon
                ),
                HasAutomaticLearningRate = (layer.LearningRate ?? options.LearningRate) is null,
                PassesOn = layer.PassesOn,
            };
        }

        private void CheckPresentations(bool isRecurrent) =>
            Check(
                options.NumberOfPresentations is not int number || number > 1 == isRecurrent,
                nameof(options.NumberOfPresentations),
                isRecurrent
                    ? "is 1, and hidden neurons that listen to each other or to a layer above need 2 or more."
                    : $"is {options.NumberOfPresentations}, and must be 1 where hidden neurons listen neither to each other nor to a layer above."
            );

        // An option that has been changed and has no effect is a mistake that nobody would notice.
        private void CheckUse(HiddenLayerOptions layer, bool isBivariate, string prefix, string neurons)
        {
            Check(
                layer.LateralInput || layer.MaximumLateralConnections is null,
                prefix + nameof(layer.MaximumLateralConnections),
                $"is for hidden neurons that listen to each other, and {nameof(layer.LateralInput)} is false."
            );
            Check(
                layer.MaximumLateralConnections is null or int.MaxValue
                    || layer.MaximumLateralConnections <= layer.NumberOfNeurons,
                prefix + nameof(layer.MaximumLateralConnections),
                $"is {layer.MaximumLateralConnections}, more than the {layer.NumberOfNeurons} hidden neurons; take at most {neurons}, or {nameof(Int32)}.{nameof(int.MaxValue)} to connect all to all."
            );
            (double Value, double Default, string Name)[] unused = isBivariate
                ?
                [
                    (layer.Alpha1, Options.Defaults.Alpha, nameof(layer.Alpha1)),
                    (layer.Alpha2, Options.Defaults.Alpha, nameof(layer.Alpha2)),
                    (layer.Beta1, Options.Defaults.Beta, nameof(layer.Beta1)),
                    (layer.Beta2, Options.Defaults.Beta, nameof(layer.Beta2)),
                ]
                :
                [
                    (layer.BivariateK, Options.Defaults.BivariateK, nameof(layer.BivariateK)),
                    (layer.BivariateBeta, Options.Defaults.BivariateBeta, nameof(layer.BivariateBeta)),
                ];
            string other = isBivariate
                ? $"is for hidden neurons with context and lateral input; those with one of them have {nameof(layer.BivariateK)} and {nameof(layer.BivariateBeta)}."
                : $"is for hidden neurons with context or lateral input alone; choose so with {nameof(layer.Context)} or {nameof(layer.LateralInput)}.";
            foreach ((double value, double byDefault, string name) in unused)
                Check(value.Equals(byDefault), prefix + name, other);
            Check(
                layer.Binning == BinningKind.Fixed || layer.BinningRange.Equals(Options.Defaults.BinningRange),
                prefix + nameof(layer.BinningRange),
                $"is for fixed bins, and here they are adaptive: set {nameof(layer.Binning)} to {BinningKind.Fixed}."
            );
        }

        private GoalFunction HiddenGoal(HiddenLayerOptions layer, string sources, string prefix)
        {
            if (layer.Goal == Options.Defaults.Goal)
                return GoalFunctions.DefaultFor(sources);
            bool isForOthers = s_hiddenSources.Any(other =>
                other != sources && GoalFunction.TryParse(layer.Goal, other, out _, out _)
            );
            return ParseGoal(
                layer.Goal,
                sources,
                prefix + nameof(layer.Goal),
                isForOthers ? $" {nameof(layer.Context)} and {nameof(layer.LateralInput)} decide the sources." : ""
            );
        }

        private GoalFunction ParseGoal(string? text, string sources, string name, string hint)
        {
            if (!GoalFunction.TryParse(text, sources, out GoalFunction? goal, out string? error))
                throw host.ExceptUserArg(name, $"{name}: {error}{hint}");
            double largest = goal.Gamma.Max(Math.Abs);
            Check(
                largest <= LargestFactor,
                name,
                $"has a coefficient of magnitude {Text(largest)}, and must have none above {Text(LargestFactor)}: what counts are their ratios."
            );
            return goal;
        }

        private void CheckRanges()
        {
            Known(options.HiddenLayer, nameof(options.HiddenLayer));
            Known(options.LayerOrder, nameof(options.LayerOrder));
            AtLeast(options.NumberOfNetworks, 1, nameof(options.NumberOfNetworks));
            AtLeast(options.NumberOfEpochs ?? 1, 1, nameof(options.NumberOfEpochs));
            AtLeast(options.BatchSize ?? 2, 2, nameof(options.BatchSize));
            Check(
                (options.ValidationFraction ?? 0) is >= 0 and < 1,
                nameof(options.ValidationFraction),
                $"must be at least 0 and less than 1, and is {Text(options.ValidationFraction ?? 0)}."
            );
            if (options.OutputLayer is OutputLayerKind kind)
                Known(kind, nameof(options.OutputLayer));
            AtLeast(options.NumberOfPresentations ?? 1, 1, nameof(options.NumberOfPresentations));
            Check(
                (options.NumberOfPresentations ?? 1) <= InfomorphicNetwork.MaximumPresentations,
                nameof(options.NumberOfPresentations),
                $"must be at most {InfomorphicNetwork.MaximumPresentations}, and is {options.NumberOfPresentations}."
            );
            if (options.LearningRateSchedule is LearningRateSchedule schedule)
                Known(schedule, nameof(options.LearningRateSchedule));
            Positive(options.OutputLearningRate ?? 1, nameof(options.OutputLearningRate));
            NotNegative(options.OutputWeightDecay ?? 0, nameof(options.OutputWeightDecay));
            Decay(options.OutputFirstMomentDecay, nameof(options.OutputFirstMomentDecay));
            Decay(options.OutputSecondMomentDecay, nameof(options.OutputSecondMomentDecay));
            Positive(options.OutputEpsilon, nameof(options.OutputEpsilon));
            Known(options.ClassWeighting, nameof(options.ClassWeighting));
            foreach ((string name, double weight) in options.ClassWeights ?? new Dictionary<string, double>())
                Check(
                    weight is >= 1 / LargestFactor and <= LargestFactor,
                    $"{nameof(options.ClassWeights)}[\"{name}\"]",
                    $"must be from {Text(1 / LargestFactor)} to {Text(LargestFactor)}, and is {Text(weight)}."
                );
            Known(options.Standardization, nameof(options.Standardization));
            Known(options.Encoding, nameof(options.Encoding));
            Known(options.MissingValues, nameof(options.MissingValues));
            Known(options.Scoring, nameof(options.Scoring));
            AtLeast(options.EarlyStoppingRounds ?? 1, 1, nameof(options.EarlyStoppingRounds));
            AtLeast(options.NumberOfScoringSamples, 1, nameof(options.NumberOfScoringSamples));
            Check(
                options.NumberOfScoringSamples <= ScoringSettings.MaximumSamples,
                nameof(options.NumberOfScoringSamples),
                $"must be at most {ScoringSettings.MaximumSamples}, and is {options.NumberOfScoringSamples}."
            );
            AtLeast(options.NumberOfThreads ?? 1, 1, nameof(options.NumberOfThreads));
            Check(
                (options.NumberOfThreads ?? 1) <= TrainingSettings.MaximumThreads,
                nameof(options.NumberOfThreads),
                $"must be at most {TrainingSettings.MaximumThreads}, and is {options.NumberOfThreads}."
            );
            AtLeast(options.MemoryBudget ?? 1, 1, nameof(options.MemoryBudget));
            Check(
                DeviceChoice.IsValid(options.Device),
                nameof(options.Device),
                $"must be \"auto\", \"cpu\", \"cuda\" or \"cuda:\" and an index, and is \"{options.Device}\"."
            );
        }

        private void CheckRanges(HiddenLayerOptions layer, string prefix, string neurons)
        {
            Known(layer.Context, prefix + nameof(layer.Context));
            Known(layer.Binning, prefix + nameof(layer.Binning));
            Known(layer.PassesOn, prefix + nameof(layer.PassesOn));
            AtLeast(layer.NumberOfNeurons, 1, prefix + neurons);
            AtLeast(layer.MaximumLateralConnections ?? 1, 1, prefix + nameof(layer.MaximumLateralConnections));
            AtLeast(layer.NumberOfBins, 2, prefix + nameof(layer.NumberOfBins));
            Check(
                layer.NumberOfBins <= Kernels.Binning.MaximumCount,
                prefix + nameof(layer.NumberOfBins),
                $"must be at most {Kernels.Binning.MaximumCount}, and is {layer.NumberOfBins}."
            );
            Positive(layer.BinningRange, prefix + nameof(layer.BinningRange));
            Factor(layer.Alpha1, prefix + nameof(layer.Alpha1));
            Factor(layer.Alpha2, prefix + nameof(layer.Alpha2));
            Factor(layer.Beta1, prefix + nameof(layer.Beta1));
            Factor(layer.Beta2, prefix + nameof(layer.Beta2));
            Factor(layer.BivariateK, prefix + nameof(layer.BivariateK));
            Factor(layer.BivariateBeta, prefix + nameof(layer.BivariateBeta));
            Positive(layer.LearningRate ?? 1, prefix + nameof(layer.LearningRate));
            NotNegative(layer.WeightDecay, prefix + nameof(layer.WeightDecay));
            Decay(layer.FirstMomentDecay, prefix + nameof(layer.FirstMomentDecay));
            Decay(layer.SecondMomentDecay, prefix + nameof(layer.SecondMomentDecay));
            Positive(layer.Epsilon, prefix + nameof(layer.Epsilon));
        }

        private void AtLeast(int value, int minimum, string name) =>
            Check(value >= minimum, name, $"must be at least {minimum}, and is {value}.");

        private void Positive(double value, string name)
        {
            Check(value > 0 && double.IsFinite(value), name, $"must be positive and finite, and is {Text(value)}.");
            Check(
                value is >= SmallestNumber and <= LargestNumber,
                name,
                $"must be from {Text(SmallestNumber)} to {Text(LargestNumber)}, and is {Text(value)}."
            );
        }

        private void NotNegative(double value, string name)
        {
            Check(
                value >= 0 && double.IsFinite(value),
                name,
                $"must be finite and not negative, and is {Text(value)}."
            );
            Check(value <= LargestNumber, name, $"must be at most {Text(LargestNumber)}, and is {Text(value)}.");
        }

        private void Decay(double value, string name) =>
            Check(value is >= 0 and < 1, name, $"must be at least 0 and less than 1, and is {Text(value)}.");

        private void Factor(double value, string name)
        {
            Check(double.IsFinite(value), name, $"must be finite, and is {Text(value)}.");
            Check(
                Math.Abs(value) <= LargestFactor,
                name,
                $"must be from -{Text(LargestFactor)} to {Text(LargestFactor)}, and is {Text(value)}."
            );
        }

        private void Known<T>(T value, string name)
            where T : struct, Enum =>
            Check(
                Enum.IsDefined(value),
                name,
                $"must be one of {string.Join(", ", Enum.GetNames<T>())}, and is {value}."
            );

        private void Check(bool holds, string name, string otherwise)
        {
            if (!holds)
                throw host.ExceptUserArg(name, $"{name} {otherwise}");
        }

        private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
    }
}
