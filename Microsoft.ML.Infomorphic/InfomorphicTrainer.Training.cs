using System.Runtime.ExceptionServices;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Torch;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Microsoft.ML.Infomorphic;

// The way of the data through a training, of one trainer or of several that learn from the same rows.
public sealed partial class InfomorphicTrainer
{
    /// <inheritdoc/>
    protected override InfomorphicModelParameters TrainModelCore(TrainContext trainContext)
    {
        (InfomorphicModelParameters? model, Exception? error) = TrainModels([this], trainContext)[0];
        if (error is not null)
            ExceptionDispatchInfo.Throw(error);
        return model!;
    }

    // The first trainer reads the data for all; labels are keys or, of two classes, bool.
    internal static (InfomorphicModelParameters? Model, Exception? Error)[] TrainModels(
        IReadOnlyList<InfomorphicTrainer> trainers,
        TrainContext context
    )
    {
        InfomorphicTrainer first = trainers[0];
        TrainingReport[] reports = [.. trainers.Select(trainer => new TrainingReport(trainer))];
        try
        {
            IChannel channel = reports[0].Channel;
            CheckAlive(trainers);
            ImageShape? image = ImageOf(context.TrainingSet.Schema.Feature!.Value);
            InfomorphicModelParameters? earlier = Earlier(
                first.Host,
                context.InitialPredictor,
                earlier => first.SettingsFor(DataShape.Unknown with { Earlier = earlier }, image)
            );
            (ClassMap? classes, ClassMap? ofValidation) = MapClasses(first.Host, context, earlier);
            first.ThrowIfNoImage(context.TrainingSet.Schema.Feature!.Value, image);

            // What may be missing is looked for before hours are spent on reading.
            DeviceChoice.LoadTorch(first._device, first._environment, channel);
            ComputeDevice device = DeviceChoice.Choose(
                first._device,
                first._environment,
                channel,
                () => TorchRuntime.CudaDeviceCount
            );

            (RowSource train, RowSource? validation, long left, RowSurvey survey) = Read(
                trainers,
                channel,
                context,
                first.SettingsFor(DataShape.Unknown with { Earlier = earlier?.Network }, image),
                classes,
                ofValidation
            );

            // Its networks with the classes that are new.
            TrainingResult[]? before = earlier is null
                ? null
                :
                [
                    .. earlier.Contents.Trained.Select(of =>
                        of with
                        {
                            Network = of.Network.WithClasses(classes!.ClassCount),
                            Optimizer = of.Network.ClassCount == classes!.ClassCount ? of.Optimizer : null,
                        }
                    ),
                ];
            if (earlier?.Contents.HasOptimizers is true && before!.All(of => of.Optimizer is null))
                channel.Info("The optimiser begins anew, since there are new classes.");
            string? suspicion = SuspicionOf(survey, context.TrainingSet.Schema.Weight?.Name);
            DataViewSchema.Column label = context.TrainingSet.Schema.Label!.Value;
            string[]? names = classes is null ? ClassNames.Of(label) : classes.Names;
            string[] doubts =
            [
                .. suspicion is null ? Array.Empty<string>() : [suspicion],
                .. DoubtsAboutClasses(survey, label.Name, names, before?[0].Network),
            ];
            foreach (string doubt in doubts)
                channel.Warning(doubt);
            var shape = new DataShape(train.RowCount, HasValidationRows: validation is not null, earlier?.Network);
            TrainingSettings[] settings = [.. trainers.Select(trainer => trainer.SettingsFor(shape, image))];
            first.ThrowIfDataDoNotFit(train, validation, earlier);
            if (first.ClassFactors(survey, label.Name, names) is float[] factors)
            {
                train = ClassWeightedRows.Of(train, factors);
                validation = validation is null ? null : ClassWeightedRows.Of(validation, factors);
            }

            // A trainer's networks one after another.
            IReadOnlyList<TrainingOutcome> outcomes = NetworkTrainer.TrainMany(
                train,
                validation,
                [
                    .. reports.SelectMany(
                        (report, i) => report.Begin(train, device, settings[i], before, suspicion, names)
                    ),
                ],
                device,
                left,
                earlier?.Encoding
            );
            var models = new (InfomorphicModelParameters?, Exception?)[reports.Length];
            int trained = 0;
            for (int i = 0; i < models.Length; i++)
            {
                (InfomorphicModelParameters? Model, Exception?) ended = reports[i]
                    .End(
                        [.. outcomes.Skip(trained).Take(settings[i].Networks)],
                        settings[i],
                        earlier is null ? survey.SkippedRows : earlier.History.SkippedRows + survey.SkippedRows,
                        doubts
                    );
                _ = ended.Model?.WithClassNames(classes?.Names, classes?.Values);
                models[i] = ended;
                trained += settings[i].Networks;
            }

            return models;
        }
        catch (OperationCanceledException exception) when (trainers.All(trainer => trainer.IsCancelled))
        {
            return [.. trainers.Select(_ => ((InfomorphicModelParameters?)null, (Exception?)exception))];
        }
        catch (ArgumentException exception) when (exception is not ArgumentOutOfRangeException)
        {
            throw first.Host.Except(exception, exception.Message);
        }
        finally
        {
            foreach (TrainingReport report in reports)
                report.Dispose();
        }
    }

    // The rows, the bytes of the budget that they leave, and what there is to say of the training rows.
    private static (RowSource Train, RowSource? Validation, long Left, RowSurvey Survey) Read(
        IReadOnlyList<InfomorphicTrainer> trainers,
        IChannel channel,
        TrainContext context,
        TrainingSettings settings,
        ClassMap? classes,
        ClassMap? ofValidation
    )
    {
        InfomorphicTrainer first = trainers[0];
        var plan = new MemoryPlan(first._memoryBudget, settings, trainers.Sum(trainer => trainer._settings.Networks));
        string label = context.TrainingSet.Schema.Label!.Value.Name;
        FirstReading train = ReadRows(
            context.TrainingSet,
            "training",
            (features, count) =>
            {
                first.ThrowIfTooLarge(plan, features, count, rows: 2, label);
                return plan.ForRows(features, count);
            },
            classes
        );
        RowSurvey survey = train.Survey;
        first.ThrowIfTooManyClasses(survey, label);
        first.ThrowIfTooLarge(plan, survey.FeatureCount, survey.ClassCount, survey.RowCount, label);
        FirstReading? validation = context.ValidationSet is RoleMappedData data
            ? ReadRows(data, "validation", (_, _) => plan.ForValidation(train), ofValidation)
            : null;
        (RowSource rows, RowSource? forValidation) = plan.Arrange(train, validation, message => channel.Info(message));
        long left = plan.ForRows(rows.FeatureCount, rows.ClassCount) - train.Bytes - (validation?.Bytes ?? 0);
        return (rows, forValidation, Math.Max(left, 0), survey);

        FirstReading ReadRows(RoleMappedData data, string purpose, Func<int, int, long> limit, ClassMap? map) =>
            DataViewReader.Read(
                first.Host,
                channel,
                data,
                purpose,
                () => CheckAlive(trainers),
                settings.MissingValues,
                limit,
                map
            );
    }

    // What trains on data of a shape.
    private TrainingSettings SettingsFor(DataShape data, ImageShape? image)
    {
        TrainingSettings settings = _options.ToTrainingSettings(Host, _seed, data with { Image = image });
        if (!data.HasValidationRows && settings.ValidationFraction == 0)
        {
            ThrowIfAsked(_options.EarlyStoppingRounds is not null, nameof(Options.EarlyStoppingRounds));
            ThrowIfAsked(_options.RestoreBestEpoch is true, nameof(Options.RestoreBestEpoch));
        }

        return settings with
        {
            Image = settings.Image ?? image,
        };

        void ThrowIfAsked(bool asked, string option)
        {
            if (asked)
                throw Host.Except(
                    $"{option} needs validation rows: use Fit(trainData, validationData), or set {nameof(Options.ValidationFraction)}."
                );
        }
    }

    // Beside an output layer whose inputs are chosen, which reads the features. A state of the optimiser has no room for a second
    // output layer, and goes on with one alone.
    private bool HasLinearReadout(TrainingSettings settings) =>
        _options.OutputLayerInputs is null
        && !settings.KeepsOptimizerState
        && settings.Output.Goal is null
        && settings.HiddenLayers.Count > 0
        && settings.Order == LayerOrder.Together;

    private static InfomorphicModelParameters? Earlier(
        IHost host,
        IPredictor? predictor,
        Func<InfomorphicNetwork, TrainingSettings> settingsFor
    )
    {
        if (predictor is null)
            return null;
        if (predictor is not InfomorphicModelParameters earlier)
            throw host.Except(
                $"An infomorphic network can go on from another one, and not from a {predictor.GetType().Name}."
            );
        TrainingSettings settings = settingsFor(earlier.Network);
        if (settings.MissingValues == MissingValues.Indicate && earlier.Encoding.Substitutes is null)
            throw host.Except(
                $"The model to go on from was trained without missing values and does not know them: leave {nameof(Options.MissingValues)} at {MissingValues.Skip}, or train a new model."
            );
        if (earlier.Networks.Count != settings.Networks)
            throw host.Except(
                $"The model to go on from has {earlier.Networks.Count} networks, and {nameof(Options.NumberOfNetworks)} is {settings.Networks}."
            );
        if (NetworkState.DescribeDifference(earlier.Network, settings, earlier.Encoding) is string difference)
            throw host.Except(difference);
        return earlier;
    }

    // The shape of an image's features where the column has dimensions, as ExtractPixels gives them: channels × height ×
    // width or, interleaved, height × width × channels. Channels are the fewer.
    private static ImageShape? ImageOf(DataViewSchema.Column column)
    {
        if (column.Type is not VectorDataViewType { IsKnownSize: true } vector)
            return null;
        return vector.Dimensions switch
        {
            [int height, int width] => new ImageShape(height, width),
            [int height, int width, int channels] when channels < height => new ImageShape(
                height,
                width,
                channels,
                Interleaved: true
            ),
            [int channels, int height, int width] => new ImageShape(height, width, channels),
            _ => null,
        };
    }

    private bool IsCancelled => _cancellationToken.IsCancellationRequested;

    private void CheckAlive()
    {
        Host.CheckAlive();
        _cancellationToken.ThrowIfCancellationRequested();
    }

    // What trainers do together goes on for as long as one of them does.
    private static void CheckAlive(IReadOnlyList<InfomorphicTrainer> trainers)
    {
        trainers[0].Host.CheckAlive();
        foreach (InfomorphicTrainer trainer in trainers)
            if (!trainer.IsCancelled)
                return;
        trainers[0].CheckAlive();
    }
}
