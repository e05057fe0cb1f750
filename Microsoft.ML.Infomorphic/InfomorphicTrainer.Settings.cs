using System.Globalization;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Learning;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic;

public sealed partial class InfomorphicTrainer
{
    /// <summary>Checks options and turns them into settings.</summary>
    /// <param name="options">The options.</param>
    /// <param name="host">Marks exceptions.</param>
    private sealed class SettingsReader(Options options, IExceptionContext host)
    {
        private static readonly string[] s_hiddenSources = ["FCL", "FC", "FL"];

        public LearningSettings Read(int seed)
        {
            CheckRanges();
            bool learns = options.HiddenLayer == HiddenLayerKind.Infomorphic;
            string sources = SourcesOf();
            bool isBivariate = sources.Length == 2;
            CheckPresentations(learns && (options.LateralInput || options.Context == ContextSignal.Feedback));
            CheckUse(learns, isBivariate);
            return new LearningSettings
            {
                HiddenLayer = options.HiddenLayer,
                Context = learns ? options.Context : ContextSignal.None,
                LateralInput = learns && options.LateralInput,
                Presentations = Math.Max(options.NumberOfPresentations ?? 0, 2),
                HiddenNeurons = options.HiddenLayer == HiddenLayerKind.None ? 0 : options.NumberOfHiddenNeurons,
                Goal = learns ? HiddenGoal(sources) : null,
                OutputGoal = ParseGoal(options.OutputGoal, "FC", nameof(options.OutputGoal), ""),
                Epochs = options.NumberOfEpochs,
                BatchSize = options.BatchSize,
                MaximumLateralConnections =
                    options.MaximumLateralConnections ?? Options.Defaults.MaximumLateralConnections,
                Activation = isBivariate
                    ? new BivariateActivation(options.BivariateK, options.BivariateBeta)
                    : new ModulatedActivation(options.Alpha1, options.Alpha2, options.Beta1, options.Beta2),
                Binning =
                    options.Binning == BinningKind.Adaptive
                        ? new Binning(options.NumberOfBins, 1, Adaptive: true)
                        : new Binning(options.NumberOfBins, options.BinningRange),
                HiddenOptimizer = new AdamSettings(
                    options.LearningRate,
                    options.WeightDecay,
                    options.FirstMomentDecay,
                    options.SecondMomentDecay,
                    options.Epsilon
                ),
                OutputOptimizer = new AdamSettings(
                    options.OutputLearningRate,
                    options.OutputWeightDecay,
                    options.OutputFirstMomentDecay,
                    options.OutputSecondMomentDecay,
                    options.OutputEpsilon
                ),
                Standardization = options.Standardization,
                EarlyStoppingRounds = options.EarlyStoppingRounds,
                RestoreBestEpoch = options.RestoreBestEpoch,
                Seed = (uint)(options.Seed ?? seed),
                Threads = options.NumberOfThreads,
            };
        }

        // The sources of hidden neurons that learn; empty where none does.
        private string SourcesOf()
        {
            if (options.HiddenLayer != HiddenLayerKind.Infomorphic)
            {
                Check(
                    options.Context != ContextSignal.Feedback,
                    nameof(options.Context),
                    $"is Feedback, which hidden neurons hear that learn, and {nameof(options.HiddenLayer)} is {options.HiddenLayer}."
                );
                Check(
                    options.Goal == Options.Defaults.Goal,
                    nameof(options.Goal),
                    $"is for hidden neurons that learn, and {nameof(options.HiddenLayer)} is {options.HiddenLayer}."
                );
                return "";
            }

            Check(
                options.Context != ContextSignal.None || options.LateralInput,
                nameof(options.Context),
                $"is None and {nameof(options.LateralInput)} is false, and hidden neurons that learn need one of them."
            );
            return "F" + (options.Context == ContextSignal.None ? "" : "C") + (options.LateralInput ? "L" : "");
        }

        private void CheckPresentations(bool isRecurrent) =>
            Check(
                options.NumberOfPresentations is not int number || number > 1 == isRecurrent,
                nameof(options.NumberOfPresentations),
                isRecurrent
                    ? "is 1, and hidden neurons that listen to each other or to the output layer need 2 or more."
                    : $"is {options.NumberOfPresentations}, and must be 1 where hidden neurons listen neither to each other nor to the output layer."
            );

        // An option that has been changed and has no effect is a mistake that nobody would notice.
        private void CheckUse(bool learns, bool isBivariate)
        {
            if (!learns)
                return;
            Check(
                options.LateralInput || options.MaximumLateralConnections is null,
                nameof(options.MaximumLateralConnections),
                $"is for hidden neurons that listen to each other, and {nameof(options.LateralInput)} is false."
            );
            Check(
                options.MaximumLateralConnections is null or int.MaxValue
                    || options.MaximumLateralConnections <= options.NumberOfHiddenNeurons,
                nameof(options.MaximumLateralConnections),
                $"is {options.MaximumLateralConnections}, more than the {options.NumberOfHiddenNeurons} hidden neurons; take at most {nameof(options.NumberOfHiddenNeurons)}, or {nameof(Int32)}.{nameof(int.MaxValue)} to connect all to all."
            );
            (double Value, double Default, string Name)[] unused = isBivariate
                ?
                [
                    (options.Alpha1, Options.Defaults.Alpha, nameof(options.Alpha1)),
                    (options.Alpha2, Options.Defaults.Alpha, nameof(options.Alpha2)),
                    (options.Beta1, Options.Defaults.Beta, nameof(options.Beta1)),
                    (options.Beta2, Options.Defaults.Beta, nameof(options.Beta2)),
                ]
                :
                [
                    (options.BivariateK, Options.Defaults.BivariateK, nameof(options.BivariateK)),
                    (options.BivariateBeta, Options.Defaults.BivariateBeta, nameof(options.BivariateBeta)),
                ];
            string other = isBivariate
                ? $"is for hidden neurons with context and lateral input; those with one of them have {nameof(options.BivariateK)} and {nameof(options.BivariateBeta)}."
                : $"is for hidden neurons with context or lateral input alone; choose so with {nameof(options.Context)} or {nameof(options.LateralInput)}.";
            foreach ((double value, double byDefault, string name) in unused)
                Check(value.Equals(byDefault), name, other);
            Check(
                options.Binning == BinningKind.Fixed || options.BinningRange.Equals(Options.Defaults.BinningRange),
                nameof(options.BinningRange),
                $"is for fixed bins, and here they are adaptive: set {nameof(options.Binning)} to {BinningKind.Fixed}."
            );
        }

        private GoalFunction HiddenGoal(string sources)
        {
            if (options.Goal == Options.Defaults.Goal)
                return GoalFunctions.DefaultFor(sources);
            bool isForOthers = s_hiddenSources.Any(other =>
                other != sources && GoalFunction.TryParse(options.Goal, other, out _, out _)
            );
            return ParseGoal(
                options.Goal,
                sources,
                nameof(options.Goal),
                isForOthers ? $" {nameof(options.Context)} and {nameof(options.LateralInput)} decide the sources." : ""
            );
        }

        private GoalFunction ParseGoal(string? text, string sources, string name, string hint) =>
            GoalFunction.TryParse(text, sources, out GoalFunction? goal, out string? error)
                ? goal
                : throw host.ExceptUserArg(name, $"{name}: {error}{hint}");

        private void CheckRanges()
        {
            Known(options.HiddenLayer, nameof(options.HiddenLayer));
            Known(options.Context, nameof(options.Context));
            Known(options.Binning, nameof(options.Binning));
            AtLeast(options.NumberOfHiddenNeurons, 1, nameof(options.NumberOfHiddenNeurons));
            AtLeast(options.NumberOfEpochs, 1, nameof(options.NumberOfEpochs));
            AtLeast(options.BatchSize, 2, nameof(options.BatchSize));
            AtLeast(options.MaximumLateralConnections ?? 1, 1, nameof(options.MaximumLateralConnections));
            AtLeast(options.NumberOfPresentations ?? 1, 1, nameof(options.NumberOfPresentations));
            Check(
                (options.NumberOfPresentations ?? 1) <= LearningSettings.MaximumPresentations,
                nameof(options.NumberOfPresentations),
                $"must be at most {LearningSettings.MaximumPresentations}, and is {options.NumberOfPresentations}."
            );
            AtLeast(options.NumberOfBins, 2, nameof(options.NumberOfBins));
            Check(
                options.NumberOfBins <= Binning.MaximumCount,
                nameof(options.NumberOfBins),
                $"must be at most {Binning.MaximumCount}, and is {options.NumberOfBins}."
            );
            Positive(options.BinningRange, nameof(options.BinningRange));
            Finite(options.Alpha1, nameof(options.Alpha1));
            Finite(options.Alpha2, nameof(options.Alpha2));
            Finite(options.Beta1, nameof(options.Beta1));
            Finite(options.Beta2, nameof(options.Beta2));
            Finite(options.BivariateK, nameof(options.BivariateK));
            Finite(options.BivariateBeta, nameof(options.BivariateBeta));
            Positive(options.LearningRate, nameof(options.LearningRate));
            Positive(options.OutputLearningRate, nameof(options.OutputLearningRate));
            NotNegative(options.WeightDecay, nameof(options.WeightDecay));
            NotNegative(options.OutputWeightDecay, nameof(options.OutputWeightDecay));
            Decay(options.FirstMomentDecay, nameof(options.FirstMomentDecay));
            Decay(options.SecondMomentDecay, nameof(options.SecondMomentDecay));
            Decay(options.OutputFirstMomentDecay, nameof(options.OutputFirstMomentDecay));
            Decay(options.OutputSecondMomentDecay, nameof(options.OutputSecondMomentDecay));
            Positive(options.Epsilon, nameof(options.Epsilon));
            Positive(options.OutputEpsilon, nameof(options.OutputEpsilon));
            Known(options.Standardization, nameof(options.Standardization));
            Known(options.Scoring, nameof(options.Scoring));
            AtLeast(options.EarlyStoppingRounds ?? 1, 1, nameof(options.EarlyStoppingRounds));
            AtLeast(options.NumberOfScoringSamples, 1, nameof(options.NumberOfScoringSamples));
            Check(
                options.NumberOfScoringSamples <= ScoringSettings.MaximumSamples,
                nameof(options.NumberOfScoringSamples),
                $"must be at most {ScoringSettings.MaximumSamples}, and is {options.NumberOfScoringSamples}."
            );
            AtLeast(options.NumberOfThreads ?? 1, 1, nameof(options.NumberOfThreads));
            AtLeast(options.MemoryBudget ?? 1, 1, nameof(options.MemoryBudget));
            Check(
                DeviceChoice.IsValid(options.Device),
                nameof(options.Device),
                $"must be \"auto\", \"cpu\", \"cuda\" or \"cuda:\" and an index, and is \"{options.Device}\"."
            );
        }

        private void AtLeast(int value, int minimum, string name) =>
            Check(value >= minimum, name, $"must be at least {minimum}, and is {value}.");

        private void Positive(double value, string name) =>
            Check(value > 0 && double.IsFinite(value), name, $"must be positive and finite, and is {Text(value)}.");

        private void NotNegative(double value, string name) =>
            Check(
                value >= 0 && double.IsFinite(value),
                name,
                $"must be finite and not negative, and is {Text(value)}."
            );

        private void Decay(double value, string name) =>
            Check(value is >= 0 and < 1, name, $"must be at least 0 and less than 1, and is {Text(value)}.");

        private void Finite(double value, string name) =>
            Check(double.IsFinite(value), name, $"must be finite, and is {Text(value)}.");

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
