using System.Globalization;
using System.Runtime.ExceptionServices;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;
using static Microsoft.ML.DataOperationsCatalog;

namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>
/// A sweep over the goal and the options of an <see cref="InfomorphicTrainer"/> or an <see cref="InfomorphicBinaryTrainer"/>: trains with each proposed point on training data,
/// and takes a metric of validation data as its value.
/// </summary>
/// <remarks>
/// Every trial is trained with the same seed, that of the trainer's options, or 0 where they have none. So a trial's value
/// follows from its point alone, and a sweep with one worker can be repeated exactly; one with several, where its proposals are made
/// in batches (<see cref="SweepOptions.ProposalBatchSize"/>).
/// </remarks>
public sealed partial class InfomorphicSweep
{
    private readonly SweepTask _task;
    private readonly InfomorphicSweepOptions _options;
    private readonly InfomorphicTrainer.Options _trainer;

    internal InfomorphicSweep(SweepTask task, InfomorphicSweepOptions options)
    {
        _task = task;
        _task.Check(options.Metric);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.TrialsAtOnce, 1, nameof(options.TrialsAtOnce));
        _options = options;
        _trainer = OptionFields.Copy(options.Trainer);
        _trainer.Seed ??= 0;
        Space = options.Space.ToSearchSpace();
        StartingPoints = FindStartingPoints();
        ParameterPoint any = StartingPoints.Count > 0 ? StartingPoints[0] : CreateTuner().Ask().Point;
        foreach ((string choice, ParameterPoint point) in WithEachChoice(any))
        {
            try
            {
                _ = task.CreateTrainer(OptionsAt(point));
            }
            catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
            {
                throw new ArgumentException(
                    $"The choice {choice} cannot be trained with {point}: {exception.Message}",
                    exception
                );
            }
        }
        foreach (string device in options.Devices.DefaultIfEmpty(_trainer.Device))
        {
            InfomorphicTrainer.Options onDevice = OptionsAt(any);
            onDevice.Device = device;
            _ = task.CreateTrainer(onDevice); // says what is wrong with the options
        }
    }

    /// <summary>What is searched.</summary>
    public SearchSpace Space { get; }

    /// <summary>What is optimised.</summary>
    public SweepMetric Metric => _options.Metric;

    /// <summary>
    /// The points that a new study begins with: those that it was given, the trainer's options, and the published goals, where
    /// the space holds them.
    /// </summary>
    public IReadOnlyList<ParameterPoint> StartingPoints { get; }

    /// <summary>Trains on training data and takes the metric of validation data, which judges every epoch, too.</summary>
    /// <param name="trainData">The training data.</param>
    /// <param name="validationData">The validation data, with the same columns.</param>
    /// <param name="cancellationToken">Ends the sweep; what is finished is kept, and running trials are given back.</param>
    /// <returns>What the study has found.</returns>
    /// <exception cref="ArgumentException">The study of this name is about something else.</exception>
    /// <exception cref="InvalidOperationException">No trial has a value: the message says why.</exception>
    /// <exception cref="TrialStoreException">The store cannot be used. What is finished is in it.</exception>
    public SweepResult Execute(
        IDataView trainData,
        IDataView validationData,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(trainData);
        ArgumentNullException.ThrowIfNull(validationData);
        return Run([new Part(null, [(trainData, validationData)])], cancellationToken);
    }

    /// <summary>Trains once for each fold, and takes the mean of the metric over the folds' test data.</summary>
    /// <param name="folds">The folds, at least one: <see cref="DataOperationsCatalog.CrossValidationSplit"/> makes them.</param>
    /// <param name="cancellationToken">Ends the sweep; what is finished is kept, and running trials are given back.</param>
    /// <returns>What the study has found.</returns>
    /// <exception cref="ArgumentException">There is no fold, or the study of this name is about something else.</exception>
    /// <exception cref="InvalidOperationException">No trial has a value: the message says why.</exception>
    /// <exception cref="TrialStoreException">The store cannot be used. What is finished is in it.</exception>
    public SweepResult CrossValidate(IReadOnlyList<TrainTestData> folds, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(folds);
        if (folds.Count == 0)
            throw new ArgumentException("A sweep needs at least one fold.", nameof(folds));
        return Run([new Part(null, SweepDataSet.SplitsOf(folds))], cancellationToken);
    }

    /// <summary>
    /// Trains on each of several data sets, and takes the mean over them of the metric: for goals and options that are to be good on
    /// data which are not known yet.
    /// </summary>
    /// <param name="dataSets">The data sets, at least one, with different names.</param>
    /// <param name="cancellationToken">Ends the sweep; what is finished is kept, and running trials are given back.</param>
    /// <returns>What the study has found.</returns>
    /// <exception cref="ArgumentException">
    /// There is no data set, two have one name, or the study of this name is about something else.
    /// </exception>
    /// <exception cref="InvalidOperationException">No trial has a value: the message says why.</exception>
    /// <exception cref="TrialStoreException">The store cannot be used. What is finished is in it.</exception>
    /// <remarks>
    /// Each set counts alike, whatever its number of folds is. Take a metric that means the same on all of them: an accuracy, or
    /// <see cref="SweepMetric.LogLossReduction"/>, which is 0 for who knows the classes' frequencies alone; the log-loss itself grows
    /// with the number of classes, so that sets with many decide. Mean ranks would weigh sets alike, too, but a trial's rank changes with every trial that comes
    /// after it, and a tuner needs a value that stays. Pruners compare trials on one set after the other, in the order of the list,
    /// and a pruned trial teaches the tuner no value.
    /// </remarks>
    public SweepResult ExecuteAcross(
        IReadOnlyList<SweepDataSet> dataSets,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(dataSets);
        if (dataSets.Count == 0)
            throw new ArgumentException("A sweep needs at least one data set.", nameof(dataSets));
        if (dataSets.GroupBy(set => set.Name, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new ArgumentException(
                $"Two data sets have the name {twice.Key}: rename one of them.",
                nameof(dataSets)
            );
        return Run([.. dataSets.Select(set => new Part(set.Name, [.. set.Splits]))], cancellationToken);
    }

    /// <summary>The trainer's options at a point; training with them gives the trial's model again.</summary>
    /// <param name="point">The point, such as that of <see cref="SweepResult.Best"/>.</param>
    /// <returns>The options; they share nothing that could be changed with those of another point.</returns>
    public InfomorphicTrainer.Options OptionsAt(ParameterPoint point)
    {
        InfomorphicTrainer.Options options = OptionFields.Copy(_trainer);
        _options.Space.Apply(point, options);
        return options;
    }

    /// <summary>The hidden neurons' goal at a point.</summary>
    /// <param name="point">The point, such as that of <see cref="SweepResult.Best"/>.</param>
    /// <param name="layer">The place of their layer, from 0; null where there is only one.</param>
    /// <returns>The goal; null where the neurons do not learn.</returns>
    /// <exception cref="ArgumentException">There is no such layer, or there are several and none is given.</exception>
    public GoalFunction? GoalAt(ParameterPoint point, int? layer = null) =>
        TrainerSpace.GoalOf(OptionsAt(point), layer);

    // A data set's folds; the name is null where there is only one set.
    private sealed record Part(string? Name, (IDataView Train, IDataView Validation)[] Splits);

    private SweepResult Run(Part[] parts, CancellationToken cancellationToken)
    {
        if (_options.Preprocessing is not null)
            foreach ((_, (IDataView Train, IDataView Validation)[] splits) in parts)
                for (int i = 0; i < splits.Length && !cancellationToken.IsCancellationRequested; i++)
                    splits[i] = Preprocess(splits[i].Train, splits[i].Validation, cancellationToken);
        var definition = new StudyDefinition(
            _options.StudyName,
            CreateTuner(),
            DescribeObjective(parts),
            _options.Space.Fingerprint
        );
        return Sweep.Run(
            _options.Store,
            definition,
            StartingPoints,
            trials => Evaluate(trials, parts),
            _options.TrialsAtOnce,
            _options.Sweep,
            cancellationToken
        );
    }

    // Where it is cancelled, the sweep goes on to say what was found before; nobody looks at the data any more.
    private (IDataView Train, IDataView Validation) Preprocess(
        IDataView train,
        IDataView validation,
        CancellationToken cancellationToken
    )
    {
        try
        {
            ITransformer fitted = Cancellable(
                () => _options.Preprocessing!.Fit(new StoppableView(train, cancellationToken)),
                cancellationToken
            );
            return (fitted.Transform(train), fitted.Transform(validation));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return (train, validation);
        }
    }

    // What ML.NET does with data; readings end with the token, and what is between them is not waited for.
    private static T Cancellable<T>(Func<T> work, CancellationToken cancellationToken)
    {
        T result = default!;
        Patience.WaitFor(() => result = work(), cancellationToken.ThrowIfCancellationRequested);
        return result;
    }

    // The mean over the data sets of the means over their folds, for each trial. One that fails in a fold is not trained in the next.
    private Func<double>[] Evaluate(IReadOnlyList<TrialRun> trials, Part[] parts)
    {
        (IDataView Train, IDataView Validation)[] splits = [.. parts.SelectMany(part => part.Splits)];
        var values = new List<double>[trials.Count];
        var errors = new Exception?[trials.Count];
        for (int i = 0; i < values.Length; i++)
            values[i] = [];
        for (int fold = 0; fold < splits.Length; fold++)
        {
            (IDataView train, IDataView validation) = splits[fold];
            var trainers = new IEstimator<ITransformer>[trials.Count];
            Try(i => trainers[i] = TrainerOf(trials[i], fold, oneOfMany: parts.Length > 1), threads: 1);
            List<int> rest = [.. Enumerable.Range(0, trials.Count).Where(i => errors[i] is null)];
            while (rest.Count > 0)
            {
                IEstimator<ITransformer> first = trainers[rest[0]];
                int[] together = [.. rest.Where(i => _task.CanFitTogether(first, trainers[i]))];
                rest.RemoveAll(together.Contains);
                IReadOnlyList<Func<ITransformer>> outcomes = _task.FitMany(
                    together.Select(i => trainers[i]),
                    train,
                    validation
                );
                Try(
                    i =>
                    {
                        int place = Array.IndexOf(together, i);
                        if (place >= 0)
                            values[i].Add(Measure(outcomes[place], trials[i], validation));
                    },
                    _trainer.NumberOfThreads ?? Environment.ProcessorCount
                );
            }
        }
        return [.. values.Zip(errors, ValueOf)];

        void Try(Action<int> work, int threads) =>
            Parallel.For(
                0,
                trials.Count,
                new ParallelOptions { MaxDegreeOfParallelism = threads },
                i =>
                {
                    if (errors[i] is not null)
                        return;
                    try
                    {
                        work(i);
                    }
                    catch (Exception exception)
                    {
                        errors[i] = exception;
                    }
                }
            );

        Func<double> ValueOf(List<double> folds, Exception? error) =>
            () =>
            {
                if (error is not null)
                    ExceptionDispatchInfo.Throw(error);
                int next = 0;
                return parts.Average(part =>
                {
                    double mean = folds[next..(next + part.Splits.Length)].Average();
                    next += part.Splits.Length;
                    return mean;
                });
            };
    }

    private IEstimator<ITransformer> TrainerOf(TrialRun trial, int fold, bool oneOfMany)
    {
        SweepMetric metric = _options.Metric;
        InfomorphicTrainer.Options options = OptionsAt(trial.Point);
        if (_options.Devices.Count > 0)
            options.Device = _options.Devices[trial.Worker % _options.Devices.Count];
        // What a trial had on one of several sets when it ended says nothing of the others.
        trial.TellsPrunedValue = !oneOfMany && metric.IsMeasuredAfterEpochs(options);
        int epochs = EpochsOf(options);
        Action<EpochRecord>? ended = options.EpochEnded;
        options.EpochEnded = epoch =>
        {
            ended?.Invoke(epoch);
            trial.Report(fold * epochs + epoch.Epoch, metric.AfterEpoch(epoch) ?? double.NaN);
        };
        options.CancellationToken = trial.CancellationToken;
        return _task.CreateTrainer(options);
    }

    private double Measure(Func<ITransformer> fitted, TrialRun trial, IDataView validation)
    {
        SweepMetric metric = _options.Metric;
        ITransformer model = fitted();
        CancellationToken cancellationToken = trial.CancellationToken;
        cancellationToken.ThrowIfCancellationRequested();
        double value = Cancellable(
            () =>
                _task.Measure(
                    metric,
                    model.Transform(new StoppableView(validation, cancellationToken)),
                    _trainer.LabelColumnName
                ),
            cancellationToken
        );
        return double.IsFinite(value)
            ? value
            : throw new InvalidOperationException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{metric.Name} of the validation data is {value}, and must be a finite number."
                )
            );
    }

    private ParameterPoint[] FindStartingPoints()
    {
        var points = new List<ParameterPoint>();
        foreach (ParameterPoint point in _options.StartingPoints)
            points.Add(
                point.Space.Equals(Space)
                    ? point
                    : throw new ArgumentException(
                        $"The starting point {point} is of another search space than the sweep's: make it with TrainerSpace.GetPoint of the space that is searched."
                    )
            );
        if (_options.EnqueueTrainer)
            points.Add(
                _options.Space.TryGetPoint(_trainer, out ParameterPoint? own, out string? reason)
                    ? own
                    : throw new ArgumentException($"The trainer's options are no starting point: {reason}")
            );
        if (_options.EnqueuePresets)
            points.AddRange(_options.Space.GetPresetPoints(_trainer));
        return [.. points.Distinct()];
    }

    // The point with every choice of every parameter that is one, one at a time.
    private IEnumerable<(string Choice, ParameterPoint Point)> WithEachChoice(ParameterPoint point) =>
        from parameter in Space.Parameters.Index()
        where parameter.Item is ChoiceParameter
        from choice in Enumerable.Range(0, ((ChoiceParameter)parameter.Item).Choices.Count)
        select (
            $"{parameter.Item.Name} = {parameter.Item.Format(choice)}",
            Space.CreatePoint([.. point.Values.Select((value, i) => i == parameter.Index ? choice : value)])
        );

    private Tuner CreateTuner() =>
        _options.Tuner?.Invoke(Space, _options.Metric.Direction)
        ?? new TpeTuner(Space, _options.Metric.Direction, seed: 0);

    // The metric, the data, and every option that is not searched and changes the model.
    private string DescribeObjective(Part[] parts)
    {
        string data = string.Join(", ", parts.Select(Describe));
        string of = _options.DataDescription is string described ? $" of {described}" : "";
        return $"{_task.Prefix}{_options.Metric.Name} of {data}{of}: {OptionFields.Describe(_trainer, _options.Space)}";

        static string Describe(Part part)
        {
            int folds = part.Splits.Length;
            string rows =
                folds == 1 ? "validation rows" : string.Create(CultureInfo.InvariantCulture, $"{folds} folds");
            return part.Name is null ? rows : $"{rows} of {part.Name}";
        }
    }

    // Epochs of a training, at most: where layers are trained one after another, as many for each that learns.
    private static int EpochsOf(InfomorphicTrainer.Options options)
    {
        int epochs = options.NumberOfEpochs ?? AutomaticSettings.MostEpochs;
        if (options.LayerOrder == LayerOrder.Together)
            return epochs;
        int hidden =
            options.HiddenLayers?.Count(layer => layer.Learns)
            ?? (options.HiddenLayer == HiddenLayerKind.Infomorphic ? 1 : 0);
        return epochs * (hidden + 1);
    }
}
